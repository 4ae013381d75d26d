-- 20,000 products of 40 categories and 200 suppliers, with 0 to 7 reviews each. The data is the same on every machine.
DROP TABLE IF EXISTS review;
DROP TABLE IF EXISTS product;
DROP TABLE IF EXISTS supplier;
DROP TABLE IF EXISTS category;

CREATE TABLE category (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE supplier (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE product (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    category_id INTEGER NOT NULL REFERENCES category,
    supplier_id INTEGER NOT NULL REFERENCES supplier
);
CREATE TABLE review (
    product_id INTEGER NOT NULL REFERENCES product,
    number INTEGER NOT NULL,
    stars INTEGER NOT NULL,
    PRIMARY KEY (product_id, number)
) WITHOUT ROWID;

WITH RECURSIVE nth (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM nth WHERE i < 40)
INSERT INTO category SELECT i, 'Category ' || i FROM nth;

WITH RECURSIVE nth (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM nth WHERE i < 200)
INSERT INTO supplier SELECT i, 'Supplier ' || i FROM nth;

WITH RECURSIVE nth (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM nth WHERE i < 20000)
INSERT INTO product SELECT i, 'Product ' || i, 99 + i * 7919 % 20000, 1 + i % 40, 1 + i * 31 % 200 FROM nth;

WITH RECURSIVE nth (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM nth WHERE i < 7)
INSERT INTO review SELECT id, i, 1 + (id * 13 + i * 7) % 5 FROM product JOIN nth ON i <= id % 8;

PRAGMA user_version = 1;

//! The database that the cache stands in front of: the products of a shop, in one SQLite file.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{ConnectOptions, FromRow, Row as _};

/// The number of products: `catalog.sql` creates the ids 1 to `PRODUCTS`.
pub(crate) const PRODUCTS: u32 = 20_000;

/// The `user_version` that `catalog.sql` sets. A file with another version is filled again.
const VERSION: i64 = 1;

const PRODUCT_BY_ID: &str = "
    SELECT product.id, product.name, price_cents, category.name AS category, supplier.name AS supplier,
           count(review.stars) AS reviews, avg(review.stars) AS stars
    FROM product
    JOIN category ON category.id = category_id
    JOIN supplier ON supplier.id = supplier_id
    LEFT JOIN review ON review.product_id = product.id
    WHERE product.id = ?
    GROUP BY product.id";

/// The data of a product page.
#[derive(Debug, Serialize)]
pub(crate) struct Product {
    id: i64,
    name: String,
    price_cents: i64,
    category: String,
    supplier: String,
    reviews: i64,
    stars: Option<f64>,
}

impl FromRow<'_, SqliteRow> for Product {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            price_cents: row.try_get("price_cents")?,
            category: row.try_get("category")?,
            supplier: row.try_get("supplier")?,
            reviews: row.try_get("reviews")?,
            stars: row.try_get("stars")?,
        })
    }
}

/// The open database. Clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Catalog(SqlitePool);

impl Catalog {
    /// Opens the file. The first start fills it.
    pub(crate) async fn open(file: &Path) -> anyhow::Result<Self> {
        let pool = Self::fill(file).await;
        Ok(Self(pool.with_context(|| format!("failed to open {}: set --database to another file", file.display()))?))
    }

    async fn fill(file: &Path) -> anyhow::Result<SqlitePool> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        // One transaction that takes the write lock at once: two programs that start together don't both fill the file.
        let mut filling = pool.begin_with("BEGIN IMMEDIATE").await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *filling).await?;
        if version != VERSION {
            sqlx::raw_sql(include_str!("catalog.sql")).execute(&mut *filling).await?;
        }
        filling.commit().await?;
        Ok(pool)
    }

    /// Returns one product. Joins four tables and aggregates the reviews, so it is worth caching.
    pub(crate) async fn product(&self, id: i64) -> Result<Product, sqlx::Error> {
        sqlx::query_as(PRODUCT_BY_ID).bind(id).fetch_one(&self.0).await
    }
}

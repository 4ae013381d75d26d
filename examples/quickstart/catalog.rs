//! The database behind the cache: a shop's products, in one SQLite file.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, FromRow};

/// `catalog.sql` makes products with the ids 1 to this.
pub(crate) const PRODUCTS: u32 = 20_000;

/// The `user_version` that `catalog.sql` sets; a file that has another is filled anew.
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

/// What a page about a product shows.
#[derive(Debug, FromRow, Serialize)]
pub(crate) struct Product {
    id: i64,
    name: String,
    price_cents: i64,
    category: String,
    supplier: String,
    reviews: i64,
    stars: Option<f64>,
}

/// The open database. Clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct Catalog(SqlitePool);

impl Catalog {
    /// Opens the file, and fills it on the first start.
    pub(crate) async fn open(file: &Path) -> anyhow::Result<Self> {
        let pool = Self::fill(file).await;
        Ok(Self(
            pool.with_context(|| format!("can't use {} as the database: give another as --database", file.display()))?,
        ))
    }

    async fn fill(file: &Path) -> anyhow::Result<SqlitePool> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        // All of it or nothing, and never by two programs at once.
        let mut filling = pool.begin_with("BEGIN IMMEDIATE").await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *filling).await?;
        if version != VERSION {
            sqlx::raw_sql(include_str!("catalog.sql")).execute(&mut *filling).await?;
        }
        filling.commit().await?;
        Ok(pool)
    }

    /// The query worth caching: four tables and an aggregate for one product.
    pub(crate) async fn product(&self, id: i64) -> Result<Product, sqlx::Error> {
        sqlx::query_as(PRODUCT_BY_ID).bind(id).fetch_one(&self.0).await
    }
}

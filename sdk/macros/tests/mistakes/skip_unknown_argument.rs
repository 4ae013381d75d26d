//! The error lists the arguments.
use cachescope::cached;

#[cached(skip(databse))]
async fn by_id(database: String, id: u64) -> String {
    format!("{database} {id}")
}

fn main() {}

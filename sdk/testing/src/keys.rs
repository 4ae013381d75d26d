//! Cases: keys that a store could confuse.

use cachescope_core::shared::{Scope, StoreKey};

use super::capabilities::Requirement;
use super::case::Case;
use super::test_context::{LONG, TestContext};
use super::violation::Mismatch;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "odd_keys_are_distinct",
        requires: Requirement::Nothing,
        body: |context| Box::pin(apart(context, odd)),
    },
    Case {
        name: "long_keys_are_distinct",
        requires: Requirement::Nothing,
        body: |context| Box::pin(apart(context, long)),
    },
];

/// Stores a value under each key, and removes them one by one. No key may affect another.
async fn apart(context: &TestContext<'_>, keys: fn(&Scope) -> Result<Vec<StoreKey>, Mismatch>) -> Result<(), Mismatch> {
    let keys = keys(&context.scope("cache")?)?;
    let value = |index: usize| format!("value {index}").into_bytes();
    for (index, key) in keys.iter().enumerate() {
        context.expect_value("get of a key before it is put", key, None).await?;
        context.put(key, &value(index), Some(LONG)).await?;
    }
    for gone in 0..=keys.len() {
        for (index, key) in keys.iter().enumerate() {
            let what = format!("get of the key {}, after the keys before number {gone} were removed", key.as_str());
            let stays = (index >= gone).then(|| value(index));
            // A sample of the keys that aren't next to the removed one.
            if index.abs_diff(gone) < 3 || index % 7 == gone % 7 {
                context.expect_value(&what, key, stays.as_deref()).await?;
            }
        }
        if let Some(key) = keys.get(gone) {
            context.store.remove(key).await?;
        }
    }
    Ok(())
}

fn odd(scope: &Scope) -> Result<Vec<StoreKey>, Mismatch> {
    let texts = [
        "",
        "a",
        "A",
        "ab",
        "abc",
        "b",
        "B",
        " ",
        "a ",
        " a",
        "a\tb",
        "a\nb",
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        "`",
        "%",
        "%%",
        "%20",
        "_",
        "a_c",
        "a%c",
        "*",
        "?",
        "a*",
        "[ab]",
        "{a}",
        "{",
        "$where",
        "$",
        ".",
        "..",
        "../a",
        "/",
        "a/b",
        "//",
        ":",
        "a:b",
        "::",
        ";",
        "--",
        "#",
        "#1",
        "&",
        "|",
        "~",
        "null",
        "CON",
        "nul",
        "a.",
        "é",
        "É",
        "ß",
        "SS",
        "e\u{301}",
        "\u{0}",
        "\u{1f980}",
    ];
    let mut keys = texts.iter().map(|text| scope.key(text)).collect::<Result<Vec<_>, _>>()?;
    for number in [0, 1, 10, 100, -1, i64::MAX] {
        keys.push(scope.key(&number)?);
    }
    keys.push(scope.key("1")?);
    keys.push(scope.key(&("a", "b"))?);
    keys.push(scope.key(&("a,b",))?);
    keys.push(scope.key(&())?);
    Ok(keys)
}

/// Includes the longest keys, which differ only at their ends, and keys that are named by a hash.
fn long(scope: &Scope) -> Result<Vec<StoreKey>, Mismatch> {
    let braces = "{".repeat(93);
    let mut texts = vec![braces.clone() + "{", braces.clone() + "}", braces.clone() + "!", braces];
    texts.extend(["x".repeat(94), "x".repeat(95), "x".repeat(93) + "y", "x".repeat(10_000), "é".repeat(50)]);
    Ok(texts.iter().map(|text| scope.key(text)).collect::<Result<_, _>>()?)
}

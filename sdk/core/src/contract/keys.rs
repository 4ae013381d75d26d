//! Keys that a store could take for one another.

use super::broken::Seen;
use super::case::Case;
use super::ground::{Ground, LONG};
use super::promises::Needs;
use crate::shared::{Scope, StoreKey};

pub(super) const CASES: &[Case] = &[
    Case { name: "odd_keys", needs: Needs::Nothing, body: |ground| Box::pin(apart(ground, odd)) },
    Case { name: "long_keys", needs: Needs::Nothing, body: |ground| Box::pin(apart(ground, long)) },
];

/// Puts a value under each, and removes one after the other: none of them touches another.
async fn apart(ground: &Ground<'_>, keys: fn(&Scope) -> Result<Vec<StoreKey>, Seen>) -> Result<(), Seen> {
    let keys = keys(&ground.scope("cache")?)?;
    let value = |index: usize| format!("value {index}").into_bytes();
    for (index, key) in keys.iter().enumerate() {
        ground.holds("get of a key before it is put", key, None).await?;
        ground.put(key, &value(index), Some(LONG)).await?;
    }
    for gone in 0..=keys.len() {
        for (index, key) in keys.iter().enumerate() {
            let what = format!("get of the key {}, with those before number {gone} removed", key.as_str());
            let stays = (index >= gone).then(|| value(index));
            // Of what isn't next to what was removed, a sample will do.
            if index.abs_diff(gone) < 3 || index % 7 == gone % 7 {
                ground.holds(&what, key, stays.as_deref()).await?;
            }
        }
        if let Some(key) = keys.get(gone) {
            ground.store.remove(key).await?;
        }
    }
    Ok(())
}

fn odd(scope: &Scope) -> Result<Vec<StoreKey>, Seen> {
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

/// With the longest there are, which differ at their ends alone, and those that are called by a hash.
fn long(scope: &Scope) -> Result<Vec<StoreKey>, Seen> {
    let braces = "{".repeat(93);
    let mut texts = vec![braces.clone() + "{", braces.clone() + "}", braces.clone() + "!", braces];
    texts.extend(["x".repeat(94), "x".repeat(95), "x".repeat(93) + "y", "x".repeat(10_000), "é".repeat(50)]);
    Ok(texts.iter().map(|text| scope.key(text)).collect::<Result<_, _>>()?)
}

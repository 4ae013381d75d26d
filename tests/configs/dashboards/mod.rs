//! Every panel of every dashboard, and every rule, queries metrics that exist.

mod board;
mod rules;
mod scene;
mod selector;
mod vocabulary;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use board::Board;
use cachescope_harness::{Prometheus, Stack};
use rules::Rule;
use scene::{APART, PATIENCE, SUMMED, Scene};
use selector::{Matcher, Selector, asked_for};
use vocabulary::Known;

/// A query of a panel that has no data in the tests: bb8's pools don't report their maximum.
const UNANSWERED: (&str, &str) = ("Connections", "B");

/// All expressions, with their places.
fn expressions() -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for board in Board::all()? {
        for panel in board.panels() {
            for target in panel.targets() {
                let at = format!("{}: {} {}", board.title, panel.title, target.ref_id);
                all.push((at, board.asked(&target.expr, "service")));
            }
        }
        // The queries of its menus.
        all.extend(
            board
                .choices()
                .into_iter()
                .map(|(metric, label)| (format!("{}: {label}", board.title), format!("count by ({label}) ({metric})"))),
        );
    }
    all.extend(Rule::all()?.into_iter().map(|rule| (rule.name().to_owned(), rule.expr)));
    Ok(all)
}

/// Checks that an expression queries only metrics and labels that exist.
fn wrong(prometheus: &Prometheus, known: &Known, expr: &str) -> Result<()> {
    let (selectors, labels) = asked_for(prometheus, expr)?;
    selectors.iter().try_for_each(|selector| known.check(selector))?;
    labels.iter().try_for_each(|label| known.check_label(label))
}

#[test]
fn names_in_expressions_are_those_of_the_contract() {
    let stack = Stack::shared().unwrap();
    let prometheus = stack.prometheus();
    let known = Known::read().unwrap();
    for (at, expr) in expressions().unwrap() {
        wrong(&prometheus, &known, &expr).unwrap_or_else(|error| panic!("{at}: {error:#}\n{expr}"));
    }
}

#[test]
fn changed_name_in_an_expression_is_found() {
    let stack = Stack::shared().unwrap();
    let prometheus = stack.prometheus();
    let known = Known::read().unwrap();
    let mut names = BTreeSet::new();
    for (at, expr) in expressions().unwrap() {
        let (selectors, _) = asked_for(&prometheus, &expr).unwrap();
        for selector in selectors {
            for metric in selector.metric.values.clone() {
                let renamed = expr.replace(&metric, &format!("{metric}_x"));
                if renamed != expr {
                    assert!(wrong(&prometheus, &known, &renamed).is_err(), "{at}: {metric} was renamed unnoticed");
                    names.insert(metric);
                }
            }
            for changed in changed_in_a_label(&selector) {
                assert!(known.check(&changed).is_err(), "{at}: went unnoticed: {changed:?}");
            }
        }
    }
    assert!(names.len() > 40, "{} names", names.len());
}

/// Copies of a selector, each with one label renamed.
fn changed_in_a_label(selector: &Selector) -> Vec<Selector> {
    let renamed = |at: usize| {
        let mut changed = selector.clone();
        let Matcher { label, .. } = &mut changed.labels[at];
        label.push_str("_x");
        changed
    };
    (0..selector.labels.len()).map(renamed).collect()
}

#[test]
fn panels_and_rules_have_data() -> Result<()> {
    let mut scene = Scene::open()?;
    scene.trouble()?;
    let mut empty = Vec::new();
    for service in [SUMMED, APART] {
        for board in Board::all()? {
            for panel in board.panels() {
                for target in panel.targets() {
                    let asked = board.asked(&target.expr, service);
                    let at = format!("{service}: {}: {} {}: {asked}", board.title, panel.title, target.ref_id);
                    // An error fails at once; missing data may still arrive.
                    scene.prometheus.query(&asked).with_context(|| at.clone())?;
                    let is_known = (panel.title.as_str(), target.ref_id.as_str()) == UNANSWERED;
                    let patience = if is_known || !empty.is_empty() { PATIENCE / 20 } else { PATIENCE };
                    let answered = scene.prometheus.eventually(&asked, patience, |found| !found.is_empty()).is_ok();
                    if answered == is_known {
                        empty.push(at);
                    }
                }
            }
        }
    }
    assert!(empty.is_empty(), "without an answer:\n{}", empty.join("\n"));
    for rule in Rule::all()? {
        let answer = scene.prometheus.query(&rule.expr).with_context(|| rule.name().to_owned())?;
        if rule.record.as_ref().is_some_and(|record| record.starts_with("cachescope:")) {
            assert!(!answer.is_empty(), "{} records nothing", rule.name());
        }
    }
    let evaluated = scene.prometheus.eventually("cachescope:hit_ratio:rate5m", PATIENCE, |found| found.len() >= 6)?;
    assert!(evaluated.iter().all(|ratio| (0.0..=1.0).contains(&ratio.value)), "{evaluated:?}");
    Ok(())
}

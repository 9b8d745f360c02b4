//! The rule: its equation, its source, and its measured locality.

use crate::equation::mathml;
use crate::output;
use crate::report::Material;
use crate::report::page::Page;
use maud::{Markup, PreEscaped, html};
use plasticity_core::Result;
use plasticity_core::registry::{Family, find};
use plasticity_lab::audit::Audit;
use std::collections::BTreeSet;

/// The section with each rule of the runs.
pub fn method(material: &Material, page: &mut Page) -> Result<()> {
    let mut told = BTreeSet::new();
    let mut rules = Vec::new();
    let mut measured = Vec::new();
    for (index, group) in material.groups.iter().enumerate() {
        let name = material.first(index).loaded.config().rule.typetag_name();
        if told.insert(name) {
            rules.push(find(Family::Rule, name, "rule")?);
        }
        let audit = material.audits.get(index).and_then(Option::as_ref);
        measured.push(Measured { rule: name, group: &group.name, audit });
    }
    let several = rules.len() > 1;
    let columns = columns(&measured);
    let body = html! {
        @if several { p { "Each run changes its weights with one of these rules." } }
        @for plugin in &rules {
            h3 { code { (plugin.name) } }
            p { (plugin.summary) ". " span.source { "(" (plugin.citation) ")" } }
            div.equation { (PreEscaped(mathml(plugin.equation))) }
            @if !several { (symbols(plugin.equation)) (marks(&columns)) }
        }
        @if several {
            h3 { "Symbols" }
            (symbols(&rules.iter().map(|plugin| plugin.equation).collect::<Vec<_>>().join(", ")))
            h3 { "How local they are" }
            (marks(&columns))
        }
    };
    page.section("rule", if several { "The rules" } else { "The rule" }, body);
    Ok(())
}

/// The locality of one group's rule.
struct Measured<'a> {
    rule: &'a str,
    group: &'a str,
    audit: Option<&'a Result<Audit, String>>,
}

/// A column of the table of locality: its name, and a measurement.
type Column<'a> = (&'a str, Option<&'a Result<Audit, String>>);

/// A column for each rule. A rule whose groups have different marks, because they set its keys differently, has
/// a column for each of these groups.
fn columns<'a>(measured: &[Measured<'a>]) -> Vec<Column<'a>> {
    let found = |one: &Measured| match one.audit {
        Some(Ok(audit)) => Ok(PROPERTIES.map(|(_, of, _)| said(Some(audit), of))),
        Some(Err(why)) => Err(Some(why.clone())),
        None => Err(None),
    };
    let mut columns: Vec<Column> = Vec::new();
    let mut done = BTreeSet::new();
    for one in measured {
        let of_rule = || measured.iter().filter(|other| other.rule == one.rule);
        let same = of_rule().all(|other| found(other) == found(one));
        if !same {
            columns.push((one.group, one.audit));
        } else if done.insert(one.rule) {
            columns.push((one.rule, one.audit));
        }
    }
    columns
}

/// Symbols that equations of several rules share: the symbol, how it is shown, and its meaning.
const SYMBOLS: [(&str, &str, &str); 14] = [
    ("ΔW", "ΔW", "the change of a layer's weights"),
    (
        "γ",
        "γ",
        "the broadcast signal: one number for each compared pair, the same for all synapses of the layer",
    ),
    ("W_pred", "W_pred c", "what the activity c, some steps earlier (the context), predicts for each neuron"),
    (
        "W_retro",
        "W_retro z",
        "what the present activity tells the neurons of the context, through weights of its own",
    ),
    ("ρ'", "ρ'(a)", "the slope of the neuron's response to its summed input a"),
    ("x", "x", "presynaptic activity"),
    ("z", "z", "the activity of the layer; in a pair, the target"),
    ("y", "y", "the activity of the layer"),
    ("L", "L", "the loss"),
    (
        "u",
        "u",
        "the score: how well a prediction fits; u⁺ of a pair that belongs together, u⁻ of one that does not",
    ),
    ("g", "g", "the goodness of a layer"),
    ("θ", "θ", "a threshold"),
    ("τ", "τ", "a temperature"),
    ("δ", "δ", "the time from the context to the target"),
];

/// The meanings of the symbols of an equation.
fn symbols(equation: &str) -> Markup {
    let found = SYMBOLS.iter().filter(|(symbol, ..)| has(equation, symbol));
    html! {
        ul.symbols {
            @for (_, shown, meaning) in found { li { (PreEscaped(mathml(shown))) ": " (meaning) } }
        }
    }
}

/// Whether a symbol stands alone in an equation: the x of `x_t`, but not that of `max`.
fn has(equation: &str, symbol: &str) -> bool {
    let letter = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphabetic());
    equation.match_indices(symbol).any(|(at, _)| {
        let before = equation[..at].chars().next_back();
        let after = equation[at + symbol.len()..].chars().next();
        !letter(before) && before != Some('_') && !letter(after)
    })
}

/// The measured value of a property.
type Mark = fn(&Audit) -> Option<bool>;

/// What is measured: its name, its value, and what a value means.
const PROPERTIES: [(&str, Mark, &str); 3] = [
    (
        "local in space",
        |audit| audit.space,
        "if yes, a synapse uses only what its own layer knows: no signals from other layers, other pairs of \
         stimuli, or neurons without dendritic connections",
    ),
    ("local in time", |audit| audit.time, "if yes, a stimulus is compared with only one other in a step"),
    (
        "weight transport",
        |audit| audit.weight_transport,
        "if yes, a learning weight is used in both directions, which a synapse cannot do",
    ),
];

/// The word for a property of a measured rule.
fn said(audit: Option<&Audit>, of: Mark) -> &'static str {
    match audit {
        Some(audit) if !audit.learns => "learns nothing",
        Some(audit) => match of(audit) {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not measured",
        },
        None => "not measured",
    }
}

/// A table with a row for each property and a column for each measurement. Reasons why a rule was not
/// measured follow it.
fn marks(rules: &[Column]) -> Markup {
    let alone = rules.len() == 1;
    html! {
        div.scroll {
            table {
                thead { tr {
                    th { "property" }
                    @for (name, _) in rules { th { @if alone { "measured" } @else { (name) } } }
                    th.text { "meaning" }
                } }
                tbody {
                    @for (property, of, meaning) in PROPERTIES {
                        tr {
                            td { (property) }
                            @for (_, audit) in rules { td { (said(audit.and_then(|audit| audit.as_ref().ok()), of)) } }
                            td.text { (meaning) }
                        }
                    }
                }
            }
        }
        @for (name, audit) in rules {
            @if let Some(Err(why)) = audit { p.note { "The locality of " code { (name) } " could not be measured: " (why) } }
        }
        @if rules.iter().any(|(_, audit)| audit.is_some()) {
            p { "Measured by finite differences of the updates, on a copy of the encoder (with few neurons in each layer, if the encoder has `widths`)." }
        } @else {
            p { "Locality was not measured; " code { (output::program()) " audit" } " does." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_lab::audit::Evidence;

    #[test]
    fn groups_of_one_rule_with_other_marks_have_columns_of_their_own() {
        let audit = |transport: bool| {
            let marks = (Some(true), Some(false), Some(transport));
            let (space, time, weight_transport) = marks;
            Ok(Audit { space, time, weight_transport, learns: true, evidence: Evidence::default() })
        };
        let (symmetric, learned) = (audit(true), audit(false));
        let of = |group, audit| Measured { rule: "clapp", group, audit: Some(audit) };
        let names = |measured: &[Measured]| {
            columns(measured).iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[of("rate=1", &symmetric), of("rate=2", &symmetric)]), ["clapp"]);
        let differing = [of("transposed", &symmetric), of("retrodiction", &learned)];
        assert_eq!(names(&differing), ["transposed", "retrodiction"]);
        let table = marks(&columns(&differing)).into_string();
        assert!(table.contains("<td>yes</td><td>no</td>"), "{table}");
    }

    #[test]
    fn symbols_are_told_of_the_equation_alone() {
        let text = symbols("ΔW = Σ γ · (W_predᵀ z_t) · ρ'(a_t) · x_t").into_string();
        for expected in ["presynaptic activity", "broadcast signal", "slope"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        for other in ["temperature", "the loss", "score"] {
            assert!(!text.contains(other), "{other}: {text}");
        }
        assert!(has("max(0, 1 − u⁺)", "u") && !has("max(0, 1)", "x") && !has("c_x", "x"));
    }
}

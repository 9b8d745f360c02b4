//! The rule: its equation, its source, and its measured locality.

use crate::equation::mathml;
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
    for index in 0..material.groups.len() {
        let name = material.first(index).loaded.config().rule.typetag_name();
        if told.insert(name) {
            let plugin = find(Family::Rule, name, "rule")?;
            rules.push((plugin, material.audits.get(index).and_then(Option::as_ref)));
        }
    }
    let several = rules.len() > 1;
    let body = html! {
        @if several { p { "Each run changes its weights with one of these rules." } }
        @for (plugin, audit) in &rules {
            h3 { code { (plugin.name) } }
            p { (plugin.summary) ". " span.source { "(" (plugin.citation) ")" } }
            div.equation { (PreEscaped(mathml(plugin.equation))) }
            @if !several { (symbols(plugin.equation)) (marks(&[(plugin.name, *audit)])) }
        }
        @if several {
            h3 { "Symbols" }
            (symbols(&rules.iter().map(|(plugin, _)| plugin.equation).collect::<Vec<_>>().join(", ")))
            h3 { "How local they are" }
            (marks(&rules.iter().map(|(plugin, audit)| (plugin.name, *audit)).collect::<Vec<_>>()))
        }
    };
    page.section("rule", if told.len() == 1 { "The rule" } else { "The rules" }, body);
    Ok(())
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

/// A table with a row for each property and a column for each rule. Reasons why a rule was not measured
/// follow it.
fn marks(rules: &[(&str, Option<&Result<Audit, String>>)]) -> Markup {
    let mark = |mark: Option<bool>| match mark {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not measured",
    };
    let said = |audit: &Option<&Result<Audit, String>>, of: Mark| match audit {
        Some(Ok(audit)) if !audit.learns => "learns nothing",
        Some(Ok(audit)) => mark(of(audit)),
        _ => "not measured",
    };
    let properties: [(&str, Mark, &str); 3] = [
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
                    @for (property, of, meaning) in properties {
                        tr {
                            td { (property) }
                            @for (_, audit) in rules { td { (said(audit, of)) } }
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
            p { "Measured by finite differences of the updates, on the layers of this config with few neurons each." }
        } @else {
            p { "Locality was not measured; " code { "plasticity audit" } " does." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

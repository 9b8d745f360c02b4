//! The rule: its equation, where it comes from, and how local it is by measurement.

use crate::equation::mathml;
use crate::report::Material;
use crate::report::page::Page;
use maud::{Markup, PreEscaped, html};
use plasticity_core::Result;
use plasticity_core::registry::{Family, find};
use plasticity_lab::audit::Audit;
use std::collections::BTreeSet;

/// Every rule of the runs, once.
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
    let body = html! {
        @if rules.len() > 1 { p { "Each run changes its weights with one of these rules." } }
        @for (plugin, audit) in rules {
            h3 { code { (plugin.name) } }
            p { (plugin.summary) ". " span.source { "(" (plugin.citation) ")" } }
            div.equation { (PreEscaped(mathml(plugin.equation))) }
            (symbols(plugin.equation))
            @match audit {
                Some(Ok(audit)) => (marks(audit)),
                Some(Err(why)) => p.note { "Its locality could not be measured: " (why) },
                None => p { "Its locality was not measured; " code { "plasticity audit" } " does." },
            }
        }
    };
    page.section("rule", if told.len() == 1 { "The rule" } else { "The rules" }, body);
    Ok(())
}

/// What equations of several rules have in common, with what it stands for.
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

/// The symbols of an equation, in words.
fn symbols(equation: &str) -> Markup {
    let found = SYMBOLS.iter().filter(|(symbol, ..)| has(equation, symbol));
    html! {
        ul.symbols {
            @for (_, shown, meaning) in found { li { (PreEscaped(mathml(shown))) ": " (meaning) } }
        }
    }
}

/// Whether a symbol stands in an equation by itself: the x of `x_t`, not that of `max`.
fn has(equation: &str, symbol: &str) -> bool {
    let letter = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphabetic());
    equation.match_indices(symbol).any(|(at, _)| {
        let before = equation[..at].chars().next_back();
        let after = equation[at + symbol.len()..].chars().next();
        !letter(before) && before != Some('_') && !letter(after)
    })
}

fn marks(audit: &Audit) -> Markup {
    if !audit.learns {
        return html! { p { "Nothing learns: the network keeps its initial weights." } };
    }
    let mark = |mark: Option<bool>| match mark {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not measured",
    };
    let partners = audit.evidence.partners_of_a_context;
    html! {
        div.scroll {
            table {
                thead { tr { th { "property" } th { "measured" } th.text { "meaning" } } }
                tbody {
                    tr {
                        td { "local in space" } td { (mark(audit.space)) }
                        td.text {
                            "if yes, a synapse uses only what its own layer knows: no signals from other layers, \
                             other pairs of stimuli, or neurons without dendritic connections"
                        }
                    }
                    tr {
                        td { "local in time" } td { (mark(audit.time)) }
                        td.text {
                            "if yes, a stimulus is compared with only one other in a step"
                            @if let Some(partners) = partners { " (here with up to " (partners) ")" }
                        }
                    }
                    tr {
                        td { "weight transport" } td { (mark(audit.weight_transport)) }
                        td.text { "if yes, a learning weight is used in both directions, which a synapse cannot do" }
                    }
                }
            }
        }
        p { "Measured by finite differences of the updates, on the layers of this config with few neurons each." }
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

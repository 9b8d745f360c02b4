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
                thead { tr { th { "measured" } th {} th.text { "what it asks" } } }
                tbody {
                    tr {
                        td { "local in space" } td { (mark(audit.space)) }
                        td.text {
                            "a synapse uses only what its own layer knows: no signals from other layers, other \
                             pairs of stimuli, or neurons without dendritic connections"
                        }
                    }
                    tr {
                        td { "local in time" } td { (mark(audit.time)) }
                        td.text {
                            "in a step a stimulus is compared with only one other"
                            @if let Some(partners) = partners { " (here with up to " (partners) ")" }
                        }
                    }
                    tr {
                        td { "weight transport" } td { (mark(audit.weight_transport)) }
                        td.text { "whether a learning weight is used in both directions, which a synapse cannot do" }
                    }
                }
            }
        }
        p { "Measured by finite differences of the updates, on the layers of this config with few neurons each." }
    }
}

//! The configs with all defaults filled in.

use crate::report::Material;
use crate::report::page::Page;
use maud::html;
use plasticity_core::Result;

/// The section with folders, seeds, steps and configs.
pub fn config(material: &Material, page: &mut Page) -> Result<()> {
    let texts = (0..material.groups.len())
        .map(|index| material.first(index).loaded.config().to_toml())
        .collect::<Result<Vec<_>>>()?;
    let body = html! {
        div.scroll { table {
            thead { tr { th { "run" } th { "setting" } th { "seed" } th { "steps" } } }
            tbody {
                @for group in &material.groups {
                    @for &run in &group.runs {
                        @let run = &material.runs[run];
                        tr {
                            td { code { (run.loaded.folder.display()) } } td { (group.name) }
                            td { (run.loaded.config().seed) } td { (run.loaded.step()) }
                        }
                    }
                }
            }
        } }
        @for (group, text) in material.groups.iter().zip(&texts) {
            details {
                summary { "Config of " code { (group.name) } ", with all defaults filled in" }
                pre { (text) }
            }
        }
    };
    page.section("config", "Runs and configs", body);
    Ok(())
}

//! The page of `plasticity report`, which shows what runs have learned. It is one HTML file that loads
//! nothing from the internet. Every chart is also an SVG file beside it.

pub mod charts;
mod groups;
mod material;
mod page;
mod paper;
mod pictures;
mod recorded;
mod rows;
mod sections;

pub use material::{Material, Wanted};
pub use page::Page;

use plasticity_core::Result;

/// Makes the page of some runs.
///
/// # Errors
/// If a chart cannot be drawn, or a stimulus cannot be shown.
pub fn page(material: &Material) -> Result<Page> {
    let mut page = Page::new(sections::title(material));
    sections::summary(material, &mut page)?;
    sections::method(material, &mut page)?;
    sections::training(material, &mut page)?;
    sections::probe(material, &mut page)?;
    sections::confusion(material, &mut page)?;
    sections::filters(material, &mut page)?;
    sections::neurons(material, &mut page)?;
    sections::speech(material, &mut page)?;
    sections::maps(material, &mut page)?;
    sections::analyses(material, &mut page)?;
    sections::config(material, &mut page)?;
    Ok(page)
}

//! The page of `plasticity report`: what runs have learned, in one HTML file that needs no network, with every chart beside
//! it as SVG.

pub mod charts;
mod groups;
mod material;
mod page;
mod paper;
mod pictures;
mod recorded;
mod sections;

pub use material::{Material, Wanted};
pub use page::Page;

use plasticity_core::Result;

/// Makes the page of some runs.
///
/// # Errors
/// If a chart cannot be drawn, or a stimulus not be shown.
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

//! `plasticity audit CONFIG`: how local a rule is, by measurement.

use crate::exit::Exit;
use crate::options::{self, ConfigArguments};
use crate::output;
use plasticity_core::Result;
use plasticity_core::device::{Device, Precision};
use plasticity_lab::audit::{Audit, AuditBench, audit};

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Measures and prints the marks with their evidence. Always in `f32`, because rounding to TF32 is as large as some of the
/// measured effects.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let mut config = arguments.config.load()?;
    config.training.batch = AuditBench::batch_for(config.rule.as_ref());
    config.training.precision = Some(Precision::F32);
    let seed = config.seed;
    let experiment = options::open_or_draw(config)?;
    let classes = experiment.stimulus().classes().map_or(0, |classes| classes.len());
    let network = experiment.network(&Device::open()?)?;
    let audit = audit(&mut AuditBench::new(network, experiment.input(), classes, seed)?)?;
    if arguments.json {
        output::print(&output::json(&audit)?)?;
    } else {
        print(&audit)?;
    }
    Ok(Exit::Success)
}

fn print(audit: &Audit) -> Result<()> {
    if !audit.learns {
        output::print("this rule changes no weights, so there is no update to measure")?;
        return Ok(());
    }
    let mark = |mark: Option<bool>| match mark {
        Some(true) => "yes",
        Some(false) => "no",
        None => NOT_MEASURED,
    };
    let change =
        |change: Option<f64>| change.map_or(NOT_MEASURED.to_owned(), |change| format!("{change:.1e}"));
    let evidence = &audit.evidence;
    let partners = evidence.partners_of_a_context;
    let lines = [
        ("local in space       ", mark(audit.space).to_owned()),
        (
            "  effect of other layers' weights on a layer's update          ",
            change(Some(evidence.other_layers)),
        ),
        ("  joint effect of three stimuli on an update                   ", change(evidence.third_stimulus)),
        (
            "  effect of a neuron without dendritic connections on updates  ",
            change(evidence.disconnected_neuron),
        ),
        ("local in time        ", mark(audit.time).to_owned()),
        (
            "  stimuli compared with one context in a step                  ",
            partners.map_or(NOT_MEASURED.to_owned(), |partners| partners.to_string()),
        ),
        ("weight transport     ", mark(audit.weight_transport).to_owned()),
        ("  effect of a weight on updates of its presynaptic neurons     ", change(evidence.backward_use)),
    ];
    for (what, found) in lines {
        output::print(&format!("{what}{found}"))?;
    }
    if evidence.down_through_layers.is_some() {
        let found = change(evidence.down_through_layers);
        output::print(&format!("  effect of a weight on the factor that its layer passes down  {found}"))?;
    }
    output::print("Effects are relative, ‖ΔU‖ / ‖U‖; below 1e-5 they are rounding.")?;
    Ok(())
}

/// The text for a mark that cannot be measured on this network.
const NOT_MEASURED: &str = "not measured";

//! `plasticity audit CONFIG`: how local a rule is, by measurement.

use crate::arguments::ConfigArguments;
use crate::audit::{Audit, AuditBench, audit};
use crate::exit::Exit;
use crate::output;
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::experiment::Experiment;

/// Stimuli of a measurement: few enough to be quick, enough for mixed differences over three.
const BATCH: usize = 4;

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Measures and prints the marks with their evidence.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let mut config = arguments.config.load()?;
    config.training.batch = BATCH;
    let seed = config.seed;
    let experiment = Experiment::open(config)?;
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
        output::print("nothing learns: there is nothing to be local")?;
        return Ok(());
    }
    let mark = |yes: bool| if yes { "yes" } else { "no" };
    let evidence = &audit.evidence;
    output::print(&format!("local in space       {}", mark(audit.space)))?;
    output::print(&format!(
        "  change of a layer's update with other layers' weights      {:.1e}",
        evidence.other_layers
    ))?;
    output::print(&format!(
        "  mixed difference of an update over three stimuli           {:.1e}",
        evidence.third_stimulus
    ))?;
    output::print(&format!(
        "  change of updates with a neuron that no dendrite reaches   {:.1e}",
        evidence.disconnected_neuron
    ))?;
    output::print(&format!("local in time        {}", mark(audit.time)))?;
    output::print(&format!(
        "  stimuli that one context is compared with in a step        {}",
        evidence.partners_of_a_context
    ))?;
    output::print(&format!("weight transport     {}", mark(audit.weight_transport)))?;
    output::print(&format!(
        "  change of a weight's presynaptic side with the weight      {:.1e}",
        evidence.backward_use
    ))?;
    output::print("Changes are relative, ‖ΔU‖ / ‖U‖; below 1e-5 they are rounding.")?;
    Ok(())
}

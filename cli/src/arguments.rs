//! The command line.

use crate::commands::{
    alignment, analyse, audit, bench, compare, data, demo, export, features, import, list, new_rule, probe, report, train,
    verify,
};
use clap::{Parser, Subcommand};

/// Local self-supervised learning rules: train them, probe them, swap them.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network by a config, or go on with a run
    Train(train::Arguments),
    /// Probe every layer of a run, beside the untrained network
    Probe(probe::Arguments),
    /// List rules, layers, scores and all other plugins, with citations
    List(list::Arguments),
    /// Train CLAPP-s on built-in scenes and probe every layer, in two minutes
    Demo(demo::Arguments),
    /// Fetch a public data set
    Data(data::Arguments),
    /// Measure the speed and memory of a training step
    Bench(bench::Arguments),
    /// Run a config over several values of its keys and several seeds, into one table
    Compare(compare::Arguments),
    /// Compare updates with reference cases, or with automatic differentiation of the rule's loss
    Verify(verify::Arguments),
    /// Measure how local a rule is: in space, in time, and whether weights are transported
    Audit(audit::Arguments),
    /// Measure the angle between local updates and backpropagation's, layer by layer, at the start and along training
    Alignment(alignment::Arguments),
    /// Write a page with all that a run, or several side by side, has learned
    Report(report::Arguments),
    /// Write every layer's features of labelled stimuli to a file, for other programs
    Features(features::Arguments),
    /// Write a trained encoder to a file that other programs run
    Export(export::Arguments),
    /// Make a run of weights that another program trained
    Import(import::Arguments),
    /// Measure what layers' features are like, and how alike those of layers and runs are
    Analyse(analyse::Arguments),
    /// Write a crate with a rule of your own that builds, tests and trains as it is
    NewRule(new_rule::Arguments),
}

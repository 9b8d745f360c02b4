//! The command line.

use crate::commands::{
    alignment, analyse, audit, bench, compare, data, demo, export, features, import, list, new_rule, probe,
    report, train, verify,
};
use clap::{Parser, Subcommand};

/// Train, probe and compare local self-supervised learning rules.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network from a config, or resume a run
    Train(train::Arguments),
    /// Train a linear probe on every layer of a run and of its untrained network
    Probe(probe::Arguments),
    /// List all plugins (rules, layers, scores and others) with citations
    List(list::Arguments),
    /// Train CLAPP-s on built-in scenes and probe every layer (two minutes)
    Demo(demo::Arguments),
    /// Download a public data set
    Data(data::Arguments),
    /// Measure the speed and memory of a training step
    Bench(bench::Arguments),
    /// Run configs with several values and seeds and print one table
    Compare(compare::Arguments),
    /// Check a rule's updates against automatic differentiation or reference cases
    Verify(verify::Arguments),
    /// Measure how local a rule is in space and in time, and whether it needs weight transport
    Audit(audit::Arguments),
    /// Measure the angle between local updates and those of backpropagation, for every layer, during training
    Alignment(alignment::Arguments),
    /// Write an HTML page about what one or several runs have learned
    Report(report::Arguments),
    /// Write the features of every layer for labelled stimuli to a file for other programs
    Features(features::Arguments),
    /// Write a trained encoder as a file that other programs can run
    Export(export::Arguments),
    /// Make a run from weights that another program trained
    Import(import::Arguments),
    /// Measure the features of layers, and how similar layers and runs are
    Analyse(analyse::Arguments),
    /// Write a crate with an example rule that builds, passes its tests and trains
    NewRule(new_rule::Arguments),
}

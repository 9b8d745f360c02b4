//! The subcommands, one in each file, with their arguments and actions.

pub mod alignment;
pub mod analyse;
pub mod audit;
pub mod bench;
pub mod compare;
pub mod data;
pub mod demo;
pub mod export;
pub mod features;
pub mod import;
pub mod list;
pub mod new_rule;
pub mod probe;
pub mod report;
pub mod train;
pub mod verify;

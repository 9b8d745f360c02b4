//! Traits, network, training loop and registry of the plasticity toolkit for local learning rules.

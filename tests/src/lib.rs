//! Whole-system tests of the plasticity toolkit.

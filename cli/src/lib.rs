//! Train, probe, verify and audit local self-supervised learning rules from a config.

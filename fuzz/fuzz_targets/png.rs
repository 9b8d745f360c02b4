#![no_main]
plasticity_fuzz::target!("png");

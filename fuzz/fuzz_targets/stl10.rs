#![no_main]
plasticity_fuzz::target!("stl10");

#![no_main]
plasticity_fuzz::target!("cifar10");

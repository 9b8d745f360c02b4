//! Peak memory of one step of CLAPP++ against the depth of the network, beside the same loss by backpropagation.

mod depth_peak;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> Result<(), plasticity_core::Error> {
    use depth_peak::{Stack, of_step};
    if plasticity_core::device::ON_GPU {
        println!("counts the heap of the CPU build: run it without `--features cuda`");
        return Ok(());
    }
    let stack = Stack { channels: 32, side: 32, images: 8 };
    let rules = [
        ("same", "{ type = \"clapp_pp\", pool = 8 }"),
        ("top", "{ type = \"clapp_pp\", pool = 8, context = \"top\" }"),
        ("both", "{ type = \"clapp_pp\", pool = 8, context = \"both\" }"),
        ("backprop", "{ type = \"clapp_pp_backprop\", pool = 8 }"),
    ];
    // The first step of the process starts rayon's threads.
    of_step(stack, 1, rules[0].1)?;
    println!("a step's peak, bytes, and of `same` what the step found: weights, optimiser, batch");
    println!(
        "{:>6} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "layers", "same", "top", "both", "backprop", "found"
    );
    for depth in [2, 4, 8, 16, 32] {
        let mut line = format!("{depth:>6}");
        let mut kept = 0;
        for (name, rule) in rules {
            let bytes = of_step(stack, depth, rule)?;
            line.push_str(&format!(" {:>12}", bytes.step));
            if name == "same" {
                kept = bytes.kept;
            }
        }
        println!("{line} {kept:>12}");
    }
    Ok(())
}

//! How much memory a step takes as networks grow deeper: the peak of the heap, counted by the allocator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../benches/depth_peak/mod.rs"]
mod depth_peak;
use depth_peak::{Stack, of_step};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[test]
fn a_local_update_takes_the_same_at_any_depth_and_backpropagation_more_with_every_layer() {
    if plasticity_core::device::ON_GPU {
        println!("skipped: counts the heap of the host");
        return;
    }
    // One thread: how many others hold scratch at the same moment is chance.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let stack = Stack { channels: 8, side: 16, images: 8 };
    let map = 2 * stack.images * stack.side * stack.side * stack.channels * 4;
    of_step(stack, 1, "{ type = \"clapp_pp\" }").unwrap();
    for context in ["same", "top", "both"] {
        let rule = format!("{{ type = \"clapp_pp\", pool = 4, context = \"{context}\" }}");
        let [shallow, deep] = [3, 12].map(|depth| of_step(stack, depth, &rule).unwrap().step);
        // Less than one of the maps that nine more layers make.
        assert!(deep < shallow + map / 2, "{context}: {shallow} and {deep} bytes, a map has {map}");
    }
    // Maps so large that their memory is kept for the next ones.
    let large = Stack { channels: 16, side: 32, images: 16 };
    let large_map = 2 * large.images * large.side * large.side * large.channels * 4;
    let rule = "{ type = \"clapp_pp\", pool = 4 }";
    let [shallow, deep] = [3, 12].map(|depth| of_step(large, depth, rule).unwrap().step);
    assert!(deep < shallow + large_map / 2, "{shallow} and {deep} bytes, a map has {large_map}");

    let [few, many] =
        [3, 12].map(|depth| of_step(stack, depth, "{ type = \"clapp_pp_backprop\", pool = 4 }").unwrap());
    let (shallow, deep) = (few.step, many.step);
    assert!(deep > shallow + 9 * map, "{shallow} and {deep} bytes, a map has {map}");
    // Weights and two averages of each, of nine more layers: what is found is not a part of the step.
    let weights = 9 * stack.channels * stack.channels * 4;
    assert!(
        many.kept >= few.kept + 9 * 3 * weights,
        "{few:?} and {many:?}, a layer has {weights} of weights"
    );
}

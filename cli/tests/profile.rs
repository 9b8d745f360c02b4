//! Stages of a profile. Alone in its process: whether a span is heard is settled once for all threads, and other tests'
//! threads, which listen to nothing, would settle it as they run.

use plasticity::profile::Profile;
use plasticity_core::stage;

#[test]
fn stages_hold_their_own_time_and_kernels_theirs() {
    assert!(stage::kernel("outer", 1).is_disabled(), "nobody listens");
    let profile = Profile::default();
    for _ in 0..2 {
        profile.listen(|| {
            let _outer = stage::layer("1", "update").entered();
            std::thread::sleep(std::time::Duration::from_millis(2));
            let _kernel = stage::kernel("outer", 1000).entered();
            std::thread::sleep(std::time::Duration::from_millis(4));
        });
    }
    let stages = profile.stages(2, 100.0);
    let names: Vec<_> = stages.iter().map(|s| (s.part.as_str(), s.stage.as_str())).collect();
    assert_eq!(names, [("layer 1", "update: outer"), ("layer 1", "update"), ("step", "all else")]);
    assert!(stages[0].ms >= 4.0 && stages[1].ms >= 2.0, "sleeping takes its time: {stages:?}");
    assert!(stages[0].gflops.is_some() && stages[1].gflops.is_none());
}

//! CPU time and processors of this process.

use rustix::thread::CpuSet;

use crate::Error;

/// CPU time that this process has used, in ns, with all of its threads, ended ones as well.
#[must_use]
pub fn cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let part = |part: i64| u64::try_from(part).unwrap_or_default();
    part(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(time.tv_nsec))
}

/// CPU time of the children of this process that have ended, and of theirs, in seconds.
///
/// # Errors
/// The system does not tell.
pub fn children_cpu_s() -> Result<f64, Error> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // What follows the name, which is in parentheses: the state is field 3, user time of children 16, system 17.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
    let second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(ticks / f64::from(second))
}

/// Runs `work` with this thread on the given processors, which what it starts inherits.
///
/// # Errors
/// The processors cannot be had.
pub fn pinned<T>(cores: &[usize], work: impl FnOnce() -> T) -> std::io::Result<T> {
    let before = rustix::thread::sched_getaffinity(None)?;
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    rustix::thread::sched_setaffinity(None, &set)?;
    let result = work();
    rustix::thread::sched_setaffinity(None, &before)?;
    Ok(result)
}

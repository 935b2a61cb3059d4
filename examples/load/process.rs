//! CPU and memory of processes, as Linux tells them in /proc.

use std::collections::HashMap;
use std::fs;
use std::str::FromStr;

use crate::Failure;

/// Linux counts CPU time for programs in hundredths of a second, whatever its own clock does.
const US_PER_TICK: u64 = 10_000;

/// A process that is measured together with all that descend from it.
#[derive(Debug, Clone)]
pub struct Watched {
    /// How the figures call it.
    pub name: String,
    /// The process id.
    pub pid: u32,
}

impl FromStr for Watched {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, pid) = text.split_once('=').unwrap_or(("server", text));
        let pid = pid.parse().map_err(|_| format!("{pid:?} is no process id"))?;
        Ok(Self { name: name.into(), pid })
    }
}

impl Watched {
    /// User and system time of the process and its descendants so far, in µs. Those that ended are counted where
    /// their parent has noticed: PostgreSQL notices late, so measure while its clients are still connected.
    pub fn cpu_us(&self) -> Result<u64, Failure> {
        let all = table()?;
        let mut family = vec![self.pid];
        let mut ticks = all.get(&self.pid).ok_or_else(|| format!("no process {}", self.pid))?.ticks;
        while let Some(parent) = family.pop() {
            for (pid, process) in all.iter().filter(|(_, process)| process.parent == parent) {
                ticks += process.ticks;
                family.push(*pid);
            }
        }
        Ok(ticks * US_PER_TICK)
    }

    /// Resident memory of the process itself now, and at its peak, in MiB.
    pub fn memory_mib(&self) -> Result<(f64, f64), Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
        };
        Ok((mib("VmRSS:").unwrap_or_default(), mib("VmHWM:").unwrap_or_default()))
    }
}

struct Process {
    parent: u32,
    /// Own user and system time, and that of ended children.
    ticks: u64,
}

fn table() -> Result<HashMap<u32, Process>, Failure> {
    let mut all = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue }; // it has just ended
        all.insert(pid, read(&stat).ok_or_else(|| format!("/proc/{pid}/stat is not as expected"))?);
    }
    Ok(all)
}

/// Fields are counted after the name, which stands in parentheses and may hold anything.
fn read(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let times = fields.get(11..15)?; // utime, stime, cutime, cstime
    let ticks = times.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Process { parent, ticks })
}

/// Busy time of the whole machine so far, in µs; time that its host took away counts as busy.
pub fn machine_cpu_us() -> Result<u64, Failure> {
    let stat = fs::read_to_string("/proc/stat")?;
    let all = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let fields: Vec<u64> = all.filter_map(|field| field.parse().ok()).collect();
    let busy = fields.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)); // idle, iowait
    Ok(busy.map(|(_, ticks)| ticks).sum::<u64>() * US_PER_TICK)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let process = read("12 (a) b (c)) S 7 1 1 0 -1 0 0 0 0 0 100 20 3 4 20 0 1").unwrap();
        assert_eq!((process.parent, process.ticks), (7, 127));
    }
}

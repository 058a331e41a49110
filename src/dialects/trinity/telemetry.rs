//! What the machine and the agents on it take.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use actix_web::get;
use actix_web::web::{self, Json};
use serde::Serialize;
use sysinfo::{Disks, MINIMUM_CPU_UPDATE_INTERVAL, System};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::stats::Taken;
use super::{Answer, numbers, times};

pub(super) fn routes(at: &mut Mount) {
    at.service(host).service(all_containers);
}

#[derive(Serialize, ToSchema)]
struct HostTelemetry {
    cpu: Cpu,
    memory: Space,
    disk: Space,
    timestamp: String,
}

#[derive(Serialize, ToSchema)]
struct Cpu {
    /// Of all processors, since the last look.
    percent: f64,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct Space {
    percent: f64,
    used_gb: f64,
    total_gb: f64,
}

impl Space {
    fn of(used: u64, total: u64) -> Self {
        Self {
            percent: numbers::percent(used, total),
            used_gb: numbers::gibibytes(used),
            total_gb: numbers::gibibytes(total),
        }
    }
}

/// What the machine has, and how much of it is in use.
#[utoipa::path(tag = "Telemetry", responses((status = 200, body = HostTelemetry)))]
#[get("/api/telemetry/host")]
async fn host(call: Call) -> Answer<HostTelemetry> {
    let shared = std::sync::Arc::clone(&call.shared);
    // A disk that hangs must not hold up a thread that serves others.
    let looked = web::block(move || shared.machine.look()).await;
    let Looked { cpu, cpus, memory, disk } = looked.map_err(TrinityError::inside)?;
    Ok(Json(HostTelemetry {
        cpu: Cpu { percent: cpu, count: cpus },
        memory: Space::of(memory.0, memory.1),
        disk: Space::of(disk.0, disk.1),
        timestamp: times::iso(call.shared.now()),
    }))
}

/// The machine as it was last looked at. CPU time is told between two looks.
pub(super) struct Machine(Mutex<Watched>);

struct Watched {
    /// Nothing where the machine tells nothing.
    system: Option<System>,
    looked_at: Instant,
}

/// What a look at the machine finds; of memory and disk: used, and all.
#[derive(Default)]
struct Looked {
    cpu: f64,
    cpus: usize,
    memory: (u64, u64),
    disk: (u64, u64),
}

impl Default for Machine {
    fn default() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        Self(Mutex::new(Watched { system, looked_at: Instant::now() }))
    }
}

impl Machine {
    fn look(&self) -> Looked {
        let disk = disk();
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Watched { system, looked_at } = &mut *watched;
        let Some(system) = system else { return Looked { disk, ..Looked::default() } };
        if looked_at.elapsed() >= MINIMUM_CPU_UPDATE_INTERVAL {
            system.refresh_cpu_usage();
            *looked_at = Instant::now();
        }
        system.refresh_memory();
        Looked {
            cpu: numbers::tenths(f64::from(system.global_cpu_usage())),
            cpus: system.cpus().len(),
            memory: (system.used_memory(), system.total_memory()),
            disk,
        }
    }
}

/// The disk at the root, or else the largest: what is in use, and all.
fn disk() -> (u64, u64) {
    let Ok(disks) = Disks::new_with_refreshed_list() else { return (0, 0) };
    let root = disks.iter().find(|disk| disk.mount_point() == Path::new("/"));
    let disk = root.or_else(|| disks.iter().max_by_key(|disk| disk.total_space()));
    disk.map_or((0, 0), |disk| {
        let total = disk.total_space();
        (total.saturating_sub(disk.available_space()), total)
    })
}

#[derive(Serialize, ToSchema)]
struct Containers {
    running_count: usize,
    total_cpu_percent: f64,
    total_memory_mb: f64,
    containers: Vec<Container>,
    timestamp: String,
}

/// What a running agent takes.
#[derive(Serialize, ToSchema)]
struct Container {
    name: String,
    cpu: f64,
    memory_mb: f64,
}

/// What the running agents take that the caller may see.
#[utoipa::path(tag = "Telemetry", responses((status = 200, body = Containers)))]
#[get("/api/telemetry/containers")]
async fn all_containers(call: Call) -> Answer<Containers> {
    let agents = call.shared.host.roster.visible_to(&call.principal).await?;
    let (mut cpu, mut bytes) = (0.0, 0_u64);
    let mut containers = Vec::new();
    for agent in agents.into_iter().filter(|agent| agent.is_running()) {
        let taken = Taken::of(&call.shared, &agent);
        cpu += taken.cpu_percent;
        bytes = bytes.saturating_add(taken.memory_bytes);
        containers.push(Container {
            name: agent.name,
            cpu: taken.cpu_percent,
            memory_mb: numbers::mebibytes(taken.memory_bytes),
        });
    }
    Ok(Json(Containers {
        running_count: containers.len(),
        total_cpu_percent: numbers::tenths(cpu),
        total_memory_mb: numbers::mebibytes(bytes),
        containers,
        timestamp: times::iso(call.shared.now()),
    }))
}

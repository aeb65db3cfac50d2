//! The services of a server, and which of them answers a path.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::call::{Path, Status};
use crate::server::{Routes, Target};
use crate::stub::{MethodInfo, Service, ServiceInfo, blocking};

/// A service, async or blocking. Generated servers turn into it.
#[derive(Clone)]
pub enum AnyService {
    /// Its handlers are async.
    Async(Arc<dyn Service>),
    /// Its handlers block.
    Blocking(Arc<dyn blocking::Service>),
}

impl AnyService {
    /// What it is.
    #[must_use]
    pub fn info(&self) -> &'static ServiceInfo {
        match self {
            Self::Async(service) => service.info(),
            Self::Blocking(service) => service.info(),
        }
    }
}

impl From<Arc<dyn Service>> for AnyService {
    fn from(service: Arc<dyn Service>) -> Self {
        Self::Async(service)
    }
}

impl From<Arc<dyn blocking::Service>> for AnyService {
    fn from(service: Arc<dyn blocking::Service>) -> Self {
        Self::Blocking(service)
    }
}

impl fmt::Debug for AnyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Async(_) => "Async",
            Self::Blocking(_) => "Blocking",
        };
        f.debug_tuple(kind).field(&self.info().name).finish()
    }
}

/// The services of a server. Clones are the same, until one of them is changed.
#[derive(Clone, Default)]
pub struct Services(Arc<Registry>);

#[derive(Clone, Default)]
struct Registry {
    services: Vec<AnyService>,
    routes: Routes,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug)]
pub struct Route<'a> {
    /// The service.
    pub service: &'a AnyService,
    /// The method's index, for [`Service::serve`].
    pub method: usize,
    /// The method.
    pub info: &'static MethodInfo,
}

impl Services {
    /// No services.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service, in place of one of the same name.
    #[must_use]
    pub fn service(mut self, service: impl Into<AnyService>) -> Self {
        Arc::make_mut(&mut self.0).add(service.into());
        self
    }

    /// All services, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &AnyService> {
        self.0.services.iter()
    }

    /// The service and method of this path, compared octet by octet.
    #[must_use]
    pub fn route(&self, path: &Path) -> Option<Route<'_>> {
        self.0.find(path.as_bytes())
    }

    /// The answer to a path that leads nowhere.
    #[must_use]
    pub fn unimplemented(&self, path: &Path) -> Status {
        let (service, method) = (path.service(), path.method());
        let known = self.iter().any(|other| other.info().name == service);
        Status::unimplemented(match known {
            true => alloc::format!("unknown method {method} of service {service}"),
            false => alloc::format!("unknown service {service}"),
        })
    }
}

impl Registry {
    fn add(&mut self, service: AnyService) {
        let info = service.info();
        self.services.retain(|other| other.info().name != info.name);
        self.services.push(service);
        self.routes.clear();
        for (service, any) in self.services.iter().enumerate() {
            for (method, info) in any.info().methods.iter().enumerate() {
                self.routes.insert(info.path, Target { service, method });
            }
        }
    }

    fn find(&self, path: &[u8]) -> Option<Route<'_>> {
        let Target { service, method } = self.routes.find(path)?;
        let service = self.services.get(service)?;
        let info = service.info().methods.get(method)?;
        Some(Route { service, method, info })
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

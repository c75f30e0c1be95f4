//! Host names for HTTP clients, looked up as everywhere: see [`redispatch::dns`].

use redispatch::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// For every client that asks for a resolver.
#[derive(Debug, Clone)]
pub(crate) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // 0 stands for the port of the URL.
            let found = dns::lookup(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(feature = "sns")]
mod sdk {
    use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};

    impl ResolveDns for super::Names {
        fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
            DnsFuture::new(async move {
                let found = redispatch::dns::lookup(name, 0).await.map_err(ResolveDnsError::new)?;
                Ok(found.into_iter().map(|addr| addr.ip()).collect())
            })
        }
    }
}

//! A configuration in a few numbers: enough for two directors to find out where theirs differ.
//!
//! There are two numbers for each object: one for its name and one for those of its settings that must be equal on both, but no
//! password. They are FNV-1a with 64 bits (draft-eastlake-fnv), which meets by chance what is mistyped in one of 2^64 cases. They hide
//! nothing: whoever hears them can try out which addresses and settings they stand for. No decision rests on them, only a word to a
//! person.

use std::{collections::BTreeMap, fmt, hash::Hasher as _, sync::LazyLock};

use fnv::FnvHasher;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    super::Config,
    Gravity, Side, instances,
    object::Object,
    rules::{
        ADDRESS, CHECK, Class, GARP, GROUP, INSTANCE, INTERVAL_V2, PACE_OF_CHECK, REAL_SERVER,
        Rule, VIRTUAL_SERVER,
    },
    servers,
};

/// All objects of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    objects: BTreeMap<u64, Named>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    /// As a person knows it.
    name: String,
    settings: u64,
}

/// Where another director's configuration is not this one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    /// Objects that both have, and not alike.
    pub differ: Vec<String>,
    /// Objects that the other one has not.
    pub missing: Vec<String>,
    /// How many it has that are not here. Their names cannot be told from a number.
    pub unknown: usize,
}

impl Digest {
    /// Of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let side = Side::of(config);
        let mut digest = Self::default();
        let ids = digest.add_instances(&side);
        digest.add_groups(&side, &ids);
        digest.add_virtual_servers(&side);
        digest
    }

    /// One number for all of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        total(self.pairs())
    }

    /// The name and the settings of each object, in a fixed order.
    pub fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.objects
            .iter()
            .map(|(id, object)| (*id, object.settings))
    }

    /// Whether any object is in both: others on the link may be none of our pair.
    #[must_use]
    pub fn shares_objects(&self, theirs: &BTreeMap<u64, u64>) -> bool {
        theirs.keys().any(|id| self.objects.contains_key(id))
    }

    /// Holds the other director's numbers against these.
    #[must_use]
    pub fn differences(&self, theirs: &BTreeMap<u64, u64>) -> Differences {
        let mut differences = Differences::default();
        for (id, object) in &self.objects {
            match theirs.get(id) {
                Some(settings) if *settings == object.settings => {}
                Some(_) => differences.differ.push(object.name.clone()),
                None => differences.missing.push(object.name.clone()),
            }
        }
        let is_unknown = |id: &&u64| !self.objects.contains_key(*id);
        differences.unknown = theirs.keys().filter(is_unknown).count();
        differences
    }

    /// Instances are the same by VRID and family, as on the wire; of several in the order of their addresses. Returned: their ids by
    /// name.
    fn add_instances<'a>(&mut self, side: &'a Side<'_>) -> BTreeMap<&'a str, String> {
        let mut ids = BTreeMap::new();
        let mut count: BTreeMap<String, u32> = BTreeMap::new();
        let mut instances = side.instances();
        instances.sort_by_key(|instance| {
            let addresses = instance.list("virtual_ipaddress").iter();
            addresses.map(|json| json["address"].to_string()).min()
        });
        for instance in &instances {
            let key = format!(
                "{} {}",
                instance.get("family"),
                instance.get("virtual_router_id")
            );
            let number = count.entry(key.clone()).or_default();
            *number += 1;
            let id = format!("vrrp_instance {key} {number}");
            self.add(&id, &instances::subject(instance), |content| {
                content.add(INSTANCE, *instance);
                content.add(INTERVAL_V2, *instance);
                content.add(GARP, instance.child("garp"));
                let authentication = instance.child("authentication");
                content.add_text(authentication.text("auth_type"));
                content.add_text(&instance.get("virtual_mac").is_null().to_string());
                for list in ["virtual_ipaddress", "virtual_ipaddress_excluded"] {
                    content.add_addresses(list, instance.list(list));
                }
            });
            ids.insert(instance.text("name"), id);
        }
        ids
    }

    fn add_groups(&mut self, side: &Side<'_>, ids: &BTreeMap<&str, String>) {
        for group in side.groups() {
            let members = group.list("group").iter().filter_map(Json::as_str);
            let mut members: Vec<_> = members.filter_map(|name| ids.get(name)).collect();
            members.sort();
            let id = format!("vrrp_sync_group {members:?}");
            let name = format!("vrrp_sync_group {}", group.text("name"));
            self.add(&id, &name, |content| content.add(GROUP, group));
        }
    }

    fn add_virtual_servers(&mut self, side: &Side<'_>) {
        for (index, server) in side.virtual_servers().into_iter().enumerate() {
            let name = servers::subject(server);
            self.add(&name, &name, |content| content.add(VIRTUAL_SERVER, server));
            for real_server in side.real_servers(index) {
                let name = servers::real_server_subject(real_server.text("address"), &name);
                self.add(&name, &name, |content| {
                    content.add(REAL_SERVER, real_server);
                    for check in real_server.list("checks") {
                        let check = real_server.inner(check, "TCP_CHECK");
                        content.add(CHECK, check);
                        content.add(PACE_OF_CHECK, check.child("pace"));
                    }
                });
            }
        }
    }

    fn add(&mut self, id: &str, name: &str, fill: impl FnOnce(&mut Content)) {
        let mut content = Content(FnvHasher::default());
        fill(&mut content);
        let named = Named {
            name: name.to_owned(),
            settings: content.0.finish(),
        };
        self.objects.insert(number(id), named);
    }
}

/// What the settings of an object come down to.
struct Content(FnvHasher);

impl Content {
    /// Those that must be equal; what is only good to know does not count.
    fn add(&mut self, rules: &[Rule], object: Object<'_>) {
        let must_be_equal = |rule: &&Rule| {
            matches!(
                rule.class,
                Class::Equal(Gravity::Conflict | Gravity::Warning)
            )
        };
        for rule in rules.iter().filter(must_be_equal) {
            self.add_text(rule.key);
            self.add_text(&object.get(rule.key).to_string());
        }
    }

    /// In whatever order.
    fn add_addresses(&mut self, list: &str, addresses: &[Json]) {
        self.add_text(list);
        let mut addresses: Vec<_> = addresses
            .iter()
            .map(|json| Object::bare(json, None))
            .collect();
        addresses.sort_by_key(|address| address.text("address").to_owned());
        for address in addresses {
            self.add_text(address.text("address"));
            self.add(ADDRESS, address);
        }
    }

    /// The zero keeps `ab` `c` apart from `a` `bc`.
    fn add_text(&mut self, text: &str) {
        self.0.write(text.as_bytes());
        self.0.write(&[0]);
    }
}

/// One number for all of these.
#[must_use]
pub fn total(pairs: impl Iterator<Item = (u64, u64)>) -> u64 {
    let mut hasher = FnvHasher::default();
    for (id, settings) in pairs {
        hasher.write(&id.to_be_bytes());
        hasher.write(&settings.to_be_bytes());
    }
    hasher.finish()
}

/// Directors with another one know other settings, or write them in another way: their digests say nothing of each other.
pub static VOCABULARY: LazyLock<u64> = LazyLock::new(|| {
    let tables = [
        INSTANCE,
        INTERVAL_V2,
        GARP,
        ADDRESS,
        GROUP,
        VIRTUAL_SERVER,
        REAL_SERVER,
        CHECK,
        PACE_OF_CHECK,
    ];
    let mut content = Content(FnvHasher::default());
    content.add_text(env!("CARGO_PKG_VERSION"));
    for rule in tables.into_iter().flatten() {
        content.add_text(rule.key);
    }
    content.0.finish()
});

fn number(text: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl Differences {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// So many objects are named in one line.
const MOST_NAMED: usize = 5;

/// A list for one line of a log: the first ones by name.
impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differ = self.differ.iter().map(|name| format!("{name} differs"));
        let missing = self.missing.iter();
        let missing = missing.map(|name| format!("{name} is not there"));
        let named = differ.chain(missing);
        let more = (self.differ.len() + self.missing.len()).saturating_sub(MOST_NAMED);
        let more = (more > 0).then(|| format!("{more} more"));
        let unknown = (self.unknown > 0).then(|| match self.unknown {
            1 => "1 object there is not here".to_owned(),
            count => format!("{count} objects there are not here"),
        });
        let all: Vec<_> = named.take(MOST_NAMED).chain(more).chain(unknown).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests;

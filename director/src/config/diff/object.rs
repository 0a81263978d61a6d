//! One side: its settings as JSON, and where they stand.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use super::{
    super::{Places, VrrpInstance},
    Config, Span, Value,
};

static EMPTY: LazyLock<Map<String, Json>> = LazyLock::new(Map::new);

/// A configuration as one side of a comparison.
#[derive(Debug)]
pub struct Side<'a> {
    document: Json,
    config: Option<&'a Config>,
    /// Added to the numbers of its files.
    file_offset: u32,
}

impl<'a> Side<'a> {
    /// A configuration that was read from files.
    #[must_use]
    pub fn of(config: &'a Config) -> Self {
        Self::shifted(config, 0)
    }

    /// The same; `file_offset` is how many files of the other side stand before its own.
    pub(super) fn shifted(config: &'a Config, file_offset: u32) -> Self {
        Self {
            // Whatever is in a configuration has a form in JSON.
            document: serde_json::to_value(config).unwrap_or_default(),
            config: Some(config),
            file_offset,
        }
    }

    /// What `director config show --json` printed, here or on another director.
    #[must_use]
    pub const fn from_json(document: Json) -> Self {
        Self {
            document,
            config: None,
            file_offset: 0,
        }
    }

    /// `global_defs`.
    pub(super) fn global(&self) -> Object<'_> {
        self.object(
            self.document.get("global"),
            None,
            self.config.map(|config| &config.global.places),
        )
    }

    pub(super) fn instances(&self) -> Vec<Object<'_>> {
        self.list("vrrp_instances", |config, index| {
            let instance = config.vrrp_instances.get(index)?;
            Some((instance.span, &instance.places))
        })
    }

    pub(super) fn groups(&self) -> Vec<Object<'_>> {
        self.list("sync_groups", |config, index| {
            let group = config.sync_groups.get(index)?;
            Some((group.span, &group.places))
        })
    }

    pub(super) fn virtual_servers(&self) -> Vec<Object<'_>> {
        self.list("virtual_servers", |config, index| {
            let server = config.virtual_servers.get(index)?;
            Some((server.span, &server.places))
        })
    }

    /// The real servers of the virtual server with this index.
    pub(super) fn real_servers(&self, service: usize) -> Vec<Object<'_>> {
        let list = self
            .document
            .get("virtual_servers")
            .and_then(|servers| servers.get(service))
            .and_then(|server| server.get("real_servers"))
            .and_then(Json::as_array);
        let written = self
            .config
            .and_then(|config| config.virtual_servers.get(service));
        let objects = list.into_iter().flatten().enumerate();
        objects
            .map(|(index, json)| {
                let server = written.and_then(|server| server.real_servers.get(index));
                self.object(
                    Some(json),
                    server.map(|server| server.span),
                    server.map(|server| &server.places),
                )
            })
            .collect()
    }

    /// The instance with this index, if it was read from a file.
    pub(super) fn written_instance(&self, index: usize) -> Option<&'a VrrpInstance> {
        self.config?.vrrp_instances.get(index)
    }

    /// Where something stands, by the numbers of files that both sides have together.
    pub(super) const fn shift(&self, span: Span) -> Span {
        Span {
            file: span.file.saturating_add(self.file_offset),
            ..span
        }
    }

    fn list(
        &self,
        key: &str,
        place: impl Fn(&'a Config, usize) -> Option<(Span, &'a Places)>,
    ) -> Vec<Object<'_>> {
        let list = self.document.get(key).and_then(Json::as_array);
        let objects = list.into_iter().flatten().enumerate();
        objects
            .map(|(index, json)| {
                let place = self.config.and_then(|config| place(config, index));
                self.object(
                    Some(json),
                    place.map(|(span, _)| span),
                    place.map(|(_, places)| places),
                )
            })
            .collect()
    }

    fn object<'o>(
        &self,
        json: Option<&'o Json>,
        span: Option<Span>,
        places: Option<&'o Places>,
    ) -> Object<'o> {
        Object {
            map: json.and_then(Json::as_object).unwrap_or(&EMPTY),
            span: span.map(|span| self.shift(span)),
            places,
            file_offset: self.file_offset,
        }
    }
}

/// A block of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    map: &'a Map<String, Json>,
    /// Where its name stands.
    pub(super) span: Option<Span>,
    places: Option<&'a Places>,
    file_offset: u32,
}

impl<'a> Object<'a> {
    /// One without keywords that have places.
    pub(super) fn bare(json: &'a Json, span: Option<Span>) -> Self {
        Self {
            map: json.as_object().unwrap_or(&EMPTY),
            span,
            places: None,
            file_offset: 0,
        }
    }

    pub(super) fn get(&self, key: &str) -> &'a Json {
        self.map.get(key).unwrap_or(&Json::Null)
    }

    /// A word; empty if it is none.
    pub(super) fn text(&self, key: &str) -> &'a str {
        self.get(key).as_str().unwrap_or_default()
    }

    pub(super) fn list(&self, key: &str) -> &'a [Json] {
        self.get(key).as_array().map_or(&[], Vec::as_slice)
    }

    /// A group of settings whose keywords stand in this block, too.
    pub(super) fn child(&self, key: &str) -> Self {
        Self {
            map: self.get(key).as_object().unwrap_or(&EMPTY),
            ..*self
        }
    }

    /// A block within this one whose own keywords have no places.
    pub(super) fn inner(&self, json: &'a Json, keyword: &str) -> Self {
        Self {
            map: json.as_object().unwrap_or(&EMPTY),
            span: self.place(keyword),
            places: None,
            ..*self
        }
    }

    /// Where a keyword stands, or else the block that it is not in.
    pub(super) fn place(&self, keyword: &str) -> Option<Span> {
        self.written(keyword).or(self.span)
    }

    fn written(&self, keyword: &str) -> Option<Span> {
        let span = self.places?.of(keyword)?;
        Some(Span {
            file: span.file.saturating_add(self.file_offset),
            ..span
        })
    }

    /// A setting as a person reads it. What has a place in this block and is not written there says so.
    pub(super) fn value(&self, keyword: &str, shown: String) -> Value {
        let shown = match (self.places, self.written(keyword)) {
            (Some(_), None) => format!("{shown}, which is not written here"),
            _ => shown,
        };
        Value::new(shown, self.place(keyword))
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }
}

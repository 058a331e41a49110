//! Reading the configuration from its sources.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::builder::DefaultState;
use config::{ConfigBuilder, FileFormat, ValueKind};

use super::origin::{Origin, Positions, line_at};
use super::show::is_secret;
use super::variables::{self, Binds};
use super::{Config, ConfigError};

/// The file that is read where none is named, if it is there.
pub const FILE_NAME: &str = "config.toml";

/// Where a configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; [`FILE_NAME`] in the working folder, if it is there, where none is named.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: BTreeMap<String, String>,
    /// What the command line sets: the flag's name, the key and the value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// The process' own environment, and the file of the usual name.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables, ..Self::default() }
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a bad value: [`ConfigError`] says where.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let file = self.read_file()?;
        let says = file.as_ref().map_or_else(Config::default, |file| file.says.clone());
        let overrides =
            self.overrides(Binds { elizaos: says.elizaos.bind, milady: says.milady.bind })?;
        let config = merged(file.as_ref(), &overrides)?;
        let variables = self.variables.clone();
        let loaded = Loaded { config, file, overrides, variables };
        loaded.check()?;
        Ok(loaded)
    }

    fn read_file(&self) -> Result<Option<File>, ConfigError> {
        let file = self.file.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if self.file.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(source) => return Err(ConfigError::Unreadable { file, source }),
        };
        // Once by itself, for only this reader knows lines.
        let says = toml::from_str(&text).map_err(|error| misread(&file, &text, &error))?;
        let positions = Positions::of(&text);
        Ok(Some(File { path: file, text, says, positions }))
    }

    /// What variables and flags set, by key; of several the strongest.
    fn overrides(&self, binds: Binds) -> Result<Overrides, ConfigError> {
        let set = variables::settings(&self.variables, binds)?
            .into_iter()
            .map(|(key, variable, value)| (key, (value, Origin::Variable(variable))));
        let flags = self
            .flags
            .iter()
            .map(|(flag, key, value)| ((*key).to_owned(), (value.clone(), Origin::Flag(flag))));
        Ok(set.chain(flags).collect())
    }
}

type Overrides = BTreeMap<String, (String, Origin)>;

struct File {
    path: PathBuf,
    text: String,
    says: Config,
    positions: Positions,
}

/// A configuration, and where its values stand.
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    file: Option<File>,
    overrides: Overrides,
    variables: BTreeMap<String, String>,
}

impl fmt::Debug for Loaded {
    /// Without what the sources say, which holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("file", &self.file()).finish_non_exhaustive()
    }
}

impl Loaded {
    /// The file that was read, if any.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// The environment variable of that name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// The text that `key` was given, in clear: for secrets, which the configuration itself does not
    /// hold.
    #[must_use]
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        if let Some((text, _)) = self.overrides.get(key) {
            return Some(text.clone());
        }
        let table = self.file.as_ref()?.text.parse::<toml::Table>().ok()?;
        at(&toml::Value::Table(table), key)?.as_str().map(str::to_owned)
    }

    /// Where the value of `key` stands.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        if let Some((_, origin)) = self.overrides.get(key) {
            return origin.clone();
        }
        let in_file = self.file.as_ref().and_then(|file| {
            let start = file.positions.start_of(key)?;
            Some(Origin::File { file: file.path.clone(), line: line_at(&file.text, start) })
        });
        in_file.unwrap_or(Origin::Default)
    }
}

/// The file's values with the overrides on top.
fn merged(file: Option<&File>, overrides: &Overrides) -> Result<Config, ConfigError> {
    match layered(file, overrides.iter()) {
        Ok(config) => Ok(config),
        Err(error) => Err(culprit(file, overrides, &error)),
    }
}

fn layered<'a>(
    file: Option<&File>,
    overrides: impl Iterator<Item = (&'a String, &'a (String, Origin))>,
) -> Result<Config, config::ConfigError> {
    let mut builder = ConfigBuilder::<DefaultState>::default();
    if let Some(file) = file {
        builder = builder.add_source(config::File::from_str(&file.text, FileFormat::Toml));
    }
    let defaults = toml::Value::try_from(Config::default())
        .map_err(|error| config::ConfigError::Message(error.to_string()))?;
    for (key, (value, _)) in overrides {
        builder = builder.set_override(key, kind_of(value, at(&defaults, key)))?;
    }
    builder.build()?.try_deserialize()
}

/// A text as a value: several, apart by commas, where the default is a list.
fn kind_of(text: &str, default: Option<&toml::Value>) -> ValueKind {
    if default.is_some_and(toml::Value::is_array) {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        return ValueKind::Array(parts.map(config::Value::from).collect());
    }
    ValueKind::String(text.to_owned())
}

fn at<'a>(value: &'a toml::Value, key: &str) -> Option<&'a toml::Value> {
    key.split('.').try_fold(value, |value, part| value.get(part))
}

/// Finds the override that is at fault: the first with which the others before it no longer do.
fn culprit(file: Option<&File>, overrides: &Overrides, whole: &config::ConfigError) -> ConfigError {
    for count in 1..=overrides.len() {
        let Err(error) = layered(file, overrides.iter().take(count)) else { continue };
        let reason = reason_of(&error);
        // What is still missing may be set by a later one.
        if reason.starts_with("missing") && count < overrides.len() {
            continue;
        }
        if let Some((key, (_, origin))) = overrides.iter().nth(count - 1) {
            let reason =
                if is_secret(key) { "not a value for this key".to_owned() } else { reason };
            return ConfigError::Misread { origin: origin.clone(), reason };
        }
    }
    ConfigError::Misread { origin: Origin::Default, reason: reason_of(whole) }
}

fn reason_of(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::At { error, key: Some(key), .. } => format!("{key}: {error}"),
        config::ConfigError::Type { unexpected, expected, key: Some(key), .. } => {
            format!("{key}: invalid type: {unexpected}, expected {expected}")
        }
        other => other.to_string(),
    }
}

fn misread(file: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let positions = Positions::of(text);
    let key = positions.key_at(offset).unwrap_or_default();
    let reason = match key {
        "" => error.message().to_owned(),
        key if is_secret(key) => format!("{key}: not a value for this key"),
        key => format!("{key}: {}", error.message()),
    };
    let origin = Origin::File { file: file.to_owned(), line: line_at(text, offset) };
    ConfigError::Misread { origin, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Sources { file: Some(path), variables, flags: Vec::new() }.load()
    }

    #[test]
    fn greenroom_variables_win_over_the_ecosystems_and_those_over_the_file() {
        let file = "[log]\nfilter = \"error\"\n[server]\nworkers = 3\n";
        let filter = |variables: &[(&str, &str)]| load(file, variables).unwrap().config.log.filter;
        assert_eq!(filter(&[]), "error");
        assert_eq!(filter(&[("LOG_LEVEL", "warn")]), "warn");
        assert_eq!(filter(&[("LOG_LEVEL", "warn"), ("GREENROOM_LOG", "debug")]), "debug");
        let long = [("GREENROOM_LOG", "debug"), ("GREENROOM_LOG__FILTER", "trace")];
        assert_eq!(filter(&long), "trace");
        let server = load(file, &[("GREENROOM_SERVER__DRAIN_S", "7")]).unwrap().config.server;
        assert_eq!((server.workers, server.drain_s), (3, 7));
        let lists = load("", &[("GREENROOM_MODEL__FALLBACK", "doctor, doctor")]).unwrap();
        assert_eq!(lists.config.model.fallback, ["doctor", "doctor"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (file, variables, says) in [
            ("[server]\nworkers = \"x\"\n", &[][..], "line 2: server.workers: invalid type"),
            ("[server]\n\nwrokers = 1\n", &[], "line 3: server.wrokers: unknown field"),
            ("[sever]\n", &[], "line 1: sever: unknown field"),
            ("workers =\n", &[], "line 1"),
            ("[server]\nconnections_per_worker = 0\n", &[], "line 2: server.connections"),
            (
                "",
                &[("GREENROOM_SERVER__WORKERS", "x")],
                "GREENROOM_SERVER__WORKERS: server.workers",
            ),
            ("", &[("GREENROOM_SERVER__WORKERS", "70000")], "GREENROOM_SERVER__WORKERS"),
            ("", &[("GREENROOM_SEVER__WORKERS", "1")], "GREENROOM_SEVER__WORKERS: "),
            ("", &[("GREENROOM_SERVER__WROKERS", "1")], "GREENROOM_SERVER__WROKERS: "),
            ("", &[("GREENROOM_LOG", "greenroom=loud")], "GREENROOM_LOG: log.filter"),
            ("", &[("LOG_LEVEL", "greenroom=loud")], "LOG_LEVEL: log.filter"),
            ("", &[("GREENROOM_SERVER__DRAIN_S", "-1")], "GREENROOM_SERVER__DRAIN_S"),
        ] {
            let error = load(file, variables).unwrap_err().to_string();
            assert!(error.contains(says), "{error:?} does not say {says:?}");
        }
    }

    #[test]
    fn a_named_file_must_be_there() {
        let sources = Sources { file: Some("/nowhere/at/all.toml".into()), ..Sources::default() };
        assert!(sources.load().unwrap_err().to_string().contains("/nowhere/at/all.toml"));
    }

    #[test]
    fn flags_win_over_everything() {
        let sources = Sources {
            file: None,
            variables: BTreeMap::from([("GREENROOM_LOG__FORMAT".into(), "human".into())]),
            flags: vec![("--log-format", "log.format", "json".into())],
        };
        let loaded = sources.load().unwrap();
        assert_eq!(loaded.config.log.format, crate::telemetry::LogFormat::Json);
        assert_eq!(loaded.origin("log.format"), Origin::Flag("--log-format"));
    }
}

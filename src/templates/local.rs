//! Templates that lie on this host: in the operator's folder, and those that the program brings.

use std::io::{self, Read};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::name::TemplateName;
use super::template::Template;
use super::yaml::YAML_MAX_BYTES;
use crate::workspace::opening;

/// The file that describes a template.
pub(super) const DESCRIPTION: &str = "template.yaml";

/// Folders that are looked at for templates.
const TEMPLATES_MAX: usize = 500;

/// A template that the program brings.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltIn {
    pub(super) id: &'static str,
    /// Its files, by their path, and what is in each.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// Templates that the program brings. A folder of the operator's of the same name is preferred.
pub(super) const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        id: "default",
        files: &[
            ("CLAUDE.md", include_str!("builtin/default/CLAUDE.md")),
            (DESCRIPTION, include_str!("builtin/default/template.yaml")),
        ],
    },
    BuiltIn {
        id: "trinity-system",
        files: &[
            ("CLAUDE.md", include_str!("builtin/trinity-system/CLAUDE.md")),
            (DESCRIPTION, include_str!("builtin/trinity-system/template.yaml")),
        ],
    },
];

impl BuiltIn {
    pub(super) fn find(id: &str) -> Option<Self> {
        BUILT_IN.into_iter().find(|one| one.id == id)
    }

    pub(super) fn template(self) -> Result<Template, String> {
        let description = self.files.iter().find(|(path, _)| *path == DESCRIPTION);
        Template::read(description.map_or("", |(_, content)| content))
    }
}

/// The operator's folder of that name, if there is one.
pub(super) fn find(templates: &Path, id: &str) -> io::Result<Option<Dir>> {
    let Some(templates) = opened(templates)? else { return Ok(None) };
    match opening::folder(&templates, id) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if opening::is_replaced(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names of the operator's templates, in order.
pub(super) fn names(templates: &Path) -> io::Result<Vec<String>> {
    let Some(templates) = opened(templates)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in templates.entries()?.take(TEMPLATES_MAX) {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_name = TemplateName::read(&format!("local:{name}")).is_ok();
        if is_name && opening::folder(&templates, name).is_ok() {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What a folder says of itself; nothing without a description.
pub(super) fn described(folder: &Dir) -> io::Result<Result<Template, String>> {
    let file = match opening::file(folder, DESCRIPTION) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Ok(Template::default()));
        }
        Err(error) if opening::is_replaced(&error) => return Ok(Err("it is no file".to_owned())),
        Err(error) => return Err(error),
    };
    let most = u64::try_from(YAML_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_other| "it is no text in UTF-8".to_owned());
    Ok(text.and_then(|text| Template::read(&text)))
}

fn opened(templates: &Path) -> io::Result<Option<Dir>> {
    match Dir::open_ambient_dir(templates, ambient_authority()) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

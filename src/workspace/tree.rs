//! A folder with all that lies in it, as people look through it.

use std::cmp::Reverse;
use std::io;

use cap_std::fs::Dir;
use greenroom_actors::time::UnixMillis;

use super::opening;
use super::path::{WorkPath, is_plain};
use super::walk::{Entry, Kind};

/// What is shown of a folder, and how much of it at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether what has a name with a dot before it is shown.
    pub shows_hidden: bool,
    /// Files and folders in all.
    pub nodes_max: usize,
    /// Folders within one another.
    pub depth_max: usize,
}

/// A folder with all that lies in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// What lies in it: folders first, then by name without regard to case.
    pub nodes: Vec<Node>,
    /// Files in it and in all folders below, as far as they are shown.
    pub files: u64,
    /// Whether there is more that does not stand here.
    pub is_cut: bool,
}

/// A file or a folder in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: WorkPath,
    /// When it last changed.
    pub changed_at: UnixMillis,
    /// What is in it.
    pub content: Content,
}

/// What is in a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// So many bytes.
    File {
        /// How many.
        bytes: u64,
    },
    /// Files and folders.
    Folder {
        /// Those right in it.
        nodes: Vec<Node>,
        /// Files in it and in all folders below.
        files: u64,
    },
}

/// Opens what a path leads to beyond the folder it is in, where the host vouches for that.
pub(super) type Vouched<'a> = &'a dyn Fn(&WorkPath) -> Option<Dir>;

/// All that lies in `folder`, which is that of `path`. What cannot be read, or has no name that a path
/// could have, is left out.
pub(super) fn tree(
    folder: &Dir,
    path: &WorkPath,
    view: View,
    vouched: Vouched<'_>,
) -> io::Result<Tree> {
    let mut growth = Growth { view, vouched, left: view.nodes_max, is_cut: false };
    let (nodes, files) = growth.within(folder, path, view.depth_max)?;
    Ok(Tree { nodes, files, is_cut: growth.is_cut })
}

struct Growth<'a> {
    view: View,
    vouched: Vouched<'a>,
    left: usize,
    is_cut: bool,
}

/// Something found in a folder, with the folder where it is one.
struct Found {
    name: String,
    entry: Entry,
    below: Option<Dir>,
}

impl Growth<'_> {
    fn within(
        &mut self,
        folder: &Dir,
        path: &WorkPath,
        depth: usize,
    ) -> io::Result<(Vec<Node>, u64)> {
        let mut found = Vec::new();
        for name in folder.entries()? {
            let Some(one) = self.found(folder, path, name?.file_name().to_str()) else { continue };
            if found.len() >= self.left {
                self.is_cut = true;
                break;
            }
            found.push(one);
        }
        // Before what lies below: of a cut tree, the upper part is what helps.
        self.left = self.left.saturating_sub(found.len());
        found.sort_by_cached_key(|found| {
            let is_folder = found.entry.kind == Kind::Folder;
            (Reverse(is_folder), found.name.to_lowercase(), found.name.clone())
        });
        let mut nodes = Vec::with_capacity(found.len());
        let mut files = 0_u64;
        for Found { name, entry, below } in found {
            let content = match entry.kind {
                Kind::File => {
                    files = files.saturating_add(1);
                    Content::File { bytes: entry.bytes }
                }
                _ => match self.below(folder, &name, &entry.path, below, depth) {
                    Ok((nodes, within)) => {
                        files = files.saturating_add(within);
                        Content::Folder { nodes, files: within }
                    }
                    Err(_unreadable) => continue,
                },
            };
            nodes.push(Node { name, path: entry.path, changed_at: entry.changed_at, content });
        }
        Ok((nodes, files))
    }

    fn found(&self, folder: &Dir, path: &WorkPath, name: Option<&str>) -> Option<Found> {
        let name = name.filter(|name| is_plain(name))?;
        if name.starts_with('.') && !self.view.shows_hidden {
            return None;
        }
        let path = path.found(name);
        let below = (self.vouched)(&path);
        let about = match &below {
            Some(below) => below.dir_metadata(),
            None => folder.symlink_metadata(name),
        };
        let entry = Entry::new(path, &about.ok()?);
        let name = name.to_owned();
        (entry.kind != Kind::Special).then_some(Found { name, entry, below })
    }

    fn below(
        &mut self,
        folder: &Dir,
        name: &str,
        path: &WorkPath,
        below: Option<Dir>,
        depth: usize,
    ) -> io::Result<(Vec<Node>, u64)> {
        let below = match below {
            Some(below) => below,
            None => opening::folder(folder, name)?,
        };
        match depth.checked_sub(1).filter(|depth| *depth > 0) {
            Some(depth) => self.within(&below, path, depth),
            None => {
                self.is_cut = self.is_cut || below.entries()?.next().is_some();
                Ok((Vec::new(), 0))
            }
        }
    }
}

//! Views: tags put together under a name, to look at some agents at once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use greenroom_actors::error::CoreError;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::error::OrganisationError;
use super::ids::ShortId;
use super::notices::at_most;
use super::{Organisation, shelf};
use crate::accounts::{Principal, User};

/// Views of one user at most, and tags of one view.
const VIEWS_MAX: usize = 200;
const TAGS_MAX: usize = 100;

const NAME_MAX_CHARS: usize = 100;
const TEXT_MAX_BYTES: usize = 4 * 1024;

const PREFIX: &str = "view/";

/// Tags under a name; an agent with one of them is part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Its id.
    pub id: ShortId,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// A sign for it.
    pub icon: Option<String>,
    /// A colour for it: `#` and hexadecimal digits.
    pub color: Option<String>,
    /// The tags, in lower case.
    pub tags: Vec<String>,
    /// The id of the user whose it is.
    pub owner: i64,
    /// Whether everybody sees it.
    pub is_shared: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// A view to be made.
#[derive(Clone, Debug)]
pub struct NewView {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// A sign for it.
    pub icon: Option<String>,
    /// A colour for it.
    pub color: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// Whether everybody sees it.
    pub is_shared: bool,
}

/// What changes about a view; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct ViewPatch {
    /// What it is called.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// A sign for it.
    pub icon: Option<String>,
    /// A colour for it.
    pub color: Option<String>,
    /// The tags.
    pub tags: Option<Vec<String>>,
    /// Whether everybody sees it.
    pub is_shared: Option<bool>,
}

pub(super) struct Views {
    all: RwLock<HashMap<ShortId, Arc<View>>>,
    turn: Mutex<()>,
}

impl Views {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let mut all = HashMap::new();
        shelf::each(registry, PREFIX, |_, view: View| drop(all.insert(view.id, Arc::new(view))))
            .await?;
        Ok(Self { all: RwLock::new(all), turn: Mutex::default() })
    }

    fn get(&self, id: ShortId) -> Option<Arc<View>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone)
    }

    fn those(&self, is_wanted: impl Fn(&View) -> bool) -> Vec<Arc<View>> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.values().filter(|view| is_wanted(view)).map(Arc::clone).collect()
    }
}

impl View {
    fn check(&self) -> Result<(), OrganisationError> {
        if self.name.trim().is_empty() {
            return Err(OrganisationError::invalid("name", "is required"));
        }
        if self.name.chars().count() > NAME_MAX_CHARS {
            let reason = format!("too long (max {NAME_MAX_CHARS} characters)");
            return Err(OrganisationError::invalid("name", reason));
        }
        if self.tags.is_empty() {
            let reason = "at least one filter tag is required";
            return Err(OrganisationError::invalid("filter_tags", reason));
        }
        if self.tags.len() > TAGS_MAX {
            let reason = format!("must be at most {TAGS_MAX}");
            return Err(OrganisationError::invalid("filter_tags", reason));
        }
        let is_color = |color: &str| {
            let digits = color.strip_prefix('#').unwrap_or_default();
            (3..=8).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit())
        };
        if self.color.as_deref().is_some_and(|color| !is_color(color)) {
            let reason = "must be a hex code (e.g., #8B5CF6)";
            return Err(OrganisationError::invalid("color", reason));
        }
        let texts =
            [&self.description, &self.icon].map(|text| text.as_ref().map_or(0, String::len));
        let tags = self.tags.iter().map(String::len).max().unwrap_or(0);
        let longest = texts.into_iter().max().unwrap_or(0).max(tags);
        at_most("description", longest, TEXT_MAX_BYTES)
    }

    /// Whether somebody may see it.
    #[must_use]
    pub fn is_seen_by(&self, user: &User) -> bool {
        self.is_shared || self.is_kept_by(user)
    }

    /// Whether somebody may change it.
    #[must_use]
    pub fn is_kept_by(&self, user: &User) -> bool {
        user.is_admin() || self.owner == user.id
    }
}

fn normal(tags: Vec<String>) -> Vec<String> {
    let mut seen = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = tag.trim().to_lowercase();
        if !tag.is_empty() && !seen.contains(&tag) {
            seen.push(tag);
        }
    }
    seen
}

impl Organisation {
    /// The views of a user and those that everybody sees, by name.
    #[must_use]
    pub fn views_of(&self, user: &User) -> Vec<Arc<View>> {
        let mut views = self.inner.views.those(|view| view.is_shared || view.owner == user.id);
        views.sort_by(|a, b| {
            let names = a.name.to_lowercase().cmp(&b.name.to_lowercase());
            names.then_with(|| a.id.cmp(&b.id))
        });
        views
    }

    /// One view, if it is there.
    #[must_use]
    pub fn view(&self, id: ShortId) -> Option<Arc<View>> {
        self.inner.views.get(id)
    }

    /// How many agents that somebody may see are part of a view.
    #[must_use]
    pub fn agents_in(&self, view: &View, principal: &Principal) -> usize {
        let is_in = |tags: &std::collections::BTreeSet<String>| {
            view.tags.iter().any(|tag| tags.contains(tag))
        };
        match self.roster().ids_visible_to(principal) {
            Some(ids) => ids.iter().filter(|id| is_in(&self.roster().entry(**id).tags)).count(),
            None => self.roster().entries().iter().filter(|(_, entry)| is_in(&entry.tags)).count(),
        }
    }

    /// Makes a view.
    ///
    /// # Errors
    /// [`OrganisationError::Invalid`], [`OrganisationError::TooMany`], [`OrganisationError::Core`].
    pub async fn make_view(&self, by: &User, new: NewView) -> Result<Arc<View>, OrganisationError> {
        let now = self.registry().clock().now();
        let view = View {
            id: ShortId::random(),
            name: new.name.trim().to_owned(),
            description: new.description,
            icon: new.icon,
            color: new.color,
            tags: normal(new.tags),
            owner: by.id,
            is_shared: new.is_shared,
            created_at: now,
            updated_at: now,
        };
        view.check()?;
        let this = self.clone();
        self.whole(async move {
            let _turn = this.inner.views.turn.lock().await;
            if this.inner.views.those(|other| other.owner == view.owner).len() >= VIEWS_MAX {
                return Err(OrganisationError::TooMany { what: "views", limit: VIEWS_MAX });
            }
            this.keep_view(view).await
        })
        .await
    }

    /// Changes a view.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Invalid`], [`OrganisationError::Core`].
    pub async fn amend_view(
        &self,
        id: ShortId,
        patch: ViewPatch,
    ) -> Result<Arc<View>, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let _turn = this.inner.views.turn.lock().await;
            let view = this.view(id).ok_or(OrganisationError::Missing("view"))?;
            let mut view = View::clone(&view);
            if let Some(name) = patch.name {
                view.name = name.trim().to_owned();
            }
            if let Some(tags) = patch.tags {
                view.tags = normal(tags);
            }
            view.description = patch.description.or(view.description);
            view.icon = patch.icon.or(view.icon);
            view.color = patch.color.or(view.color);
            view.is_shared = patch.is_shared.unwrap_or(view.is_shared);
            view.updated_at = this.registry().clock().now();
            view.check()?;
            this.keep_view(view).await
        })
        .await
    }

    async fn keep_view(&self, view: View) -> Result<Arc<View>, OrganisationError> {
        self.registry().keep(vec![shelf::set(self.registry(), key(view.id), &view)?]).await?;
        let view = Arc::new(view);
        let mut all = self.inner.views.all.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(view.id, Arc::clone(&view));
        Ok(view)
    }

    /// Removes a view.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Core`].
    pub async fn remove_view(&self, id: ShortId) -> Result<(), OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let _turn = this.inner.views.turn.lock().await;
            this.view(id).ok_or(OrganisationError::Missing("view"))?;
            this.registry().keep(vec![shelf::gone(key(id))]).await?;
            this.inner.views.all.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
            Ok(())
        })
        .await
    }
}

fn key(id: ShortId) -> String {
    format!("{PREFIX}{}", id.0)
}

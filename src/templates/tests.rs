use std::fs;

use greenroom_actors::ids::derived;

use super::*;
use crate::workspace::WorkspaceSettings;

struct Hall {
    outside: tempfile::TempDir,
    workspaces: Workspaces,
    templates: Templates,
    agent: AgentId,
}

impl Hall {
    fn new(settings: TemplatesSettings) -> Self {
        Self::with(settings, WorkspaceSettings::default())
    }

    fn with(settings: TemplatesSettings, bounds: WorkspaceSettings) -> Self {
        let outside = tempfile::tempdir().unwrap();
        let workspaces = Workspaces::open(&outside.path().join("workspaces"), &bounds).unwrap();
        let settings = match settings.github_url.as_str() {
            "here" => {
                let github_url = format!("file://{}", outside.path().join("hub").display());
                TemplatesSettings { github_url, ..settings }
            }
            _ => settings,
        };
        let (folder, spool) = (outside.path().join("templates"), outside.path().join("clones"));
        let templates =
            Templates::open(folder, spool, &settings, None, workspaces.clone()).unwrap();
        Self { outside, workspaces, templates, agent: AgentId(derived("Ada")) }
    }

    /// A host whose repositories are in a folder of this machine.
    fn hub() -> Self {
        let hall = Self::new(TemplatesSettings {
            github_url: "here".to_owned(),
            ..TemplatesSettings::default()
        });
        let work = hall.outside.path().join("work");
        fs::create_dir_all(work.join("deep")).unwrap();
        fs::write(work.join("template.yaml"), "name: cloned\ntype: helper\n").unwrap();
        fs::write(work.join("deep/a.txt"), "content").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", work.join("link")).unwrap();
        hall.git(&["init", "--quiet", "--initial-branch=main", "."]);
        hall.git(&["add", "."]);
        hall.git(&["commit", "--quiet", "-m", "one"]);
        hall.git(&["checkout", "--quiet", "-b", "other/branch"]);
        fs::write(work.join("deep/a.txt"), "of the branch").unwrap();
        hall.git(&["commit", "--quiet", "-am", "two"]);
        hall.git(&["checkout", "--quiet", "main"]);
        fs::create_dir_all(hall.outside.path().join("hub/owner")).unwrap();
        hall.git(&["clone", "--quiet", "--bare", ".", "../hub/owner/repo.git"]);
        hall
    }

    fn git(&self, arguments: &[&str]) {
        let done = std::process::Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
            .args(arguments)
            .current_dir(self.outside.path().join("work"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }

    fn template(&self, id: &str, description: &str) -> PathBuf {
        let folder = self.outside.path().join("templates").join(id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(DESCRIPTION), description).unwrap();
        folder
    }

    async fn files(&self) -> Vec<String> {
        let listing = self.workspaces.own(self.agent).list(WorkPath::HOME, 9, 100).await.unwrap();
        listing.entries.iter().map(|entry| entry.path.to_string()).collect()
    }

    async fn read(&self, path: &str) -> String {
        let part = self.workspaces.own(self.agent).read(path.parse().unwrap(), 0, 1000).await;
        String::from_utf8(part.unwrap().bytes).unwrap()
    }

    fn clones(&self) -> usize {
        self.outside.path().join("clones").read_dir().unwrap().count()
    }
}

const FRESH: [&str; 6] =
    [".claude", ".config", ".ssh", ".trinity", ".trinity/persistent-state.yaml", "mcp-servers"];

#[tokio::test]
async fn a_fresh_workspace_has_what_each_has() {
    let hall = Hall::new(TemplatesSettings::default());
    for name in [None, Some("business-assistant"), Some("")] {
        hall.templates.prepare(hall.agent, name, None).await.unwrap();
        assert_eq!(hall.files().await, FRESH, "{name:?}");
    }
    let text = hall.read(".trinity/persistent-state.yaml").await;
    let expected =
        ["workspace/**", ".trinity/**", ".mcp.json", ".claude.json", ".claude/.credentials.json"];
    assert_eq!(Template::read(&text).unwrap().persistent_state, expected);
    assert_eq!(hall.templates.of(hall.agent).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_built_in_is_there_and_the_operators_own_comes_first() {
    let hall = Hall::new(TemplatesSettings::default());
    hall.templates.prepare(hall.agent, Some("local:default"), None).await.unwrap();
    assert!(hall.files().await.contains(&MARKER.to_owned()));
    let template = hall.templates.of(hall.agent).await.unwrap().unwrap();
    assert_eq!((template.name.as_str(), template.display_name.as_str()), ("default", "Default"));

    hall.template("default", "name: mine");
    hall.template("other", "name: other\ndescription: x");
    hall.template("broken", "{");
    hall.template(".hidden", "name: hidden");
    fs::write(hall.outside.path().join("templates/file"), "x").unwrap();
    let listed = hall.templates.list().await.unwrap();
    let names: Vec<_> =
        listed.iter().map(|one| (one.id.as_str(), one.template.name.as_str())).collect();
    let system = ("local:trinity-system", "trinity-system");
    assert_eq!(names, [("local:default", "mine"), ("local:other", "other"), system]);
    let fetched = hall.templates.fetch("local:default", None).await.unwrap().unwrap();
    assert_eq!(fetched.template().name, "mine");
    for (name, words) in [
        ("local:none", "there is no template local:none"),
        ("local:../workspaces", "there is no template"),
        ("local:file", "there is no template"),
        ("local:broken", "cannot be read"),
        ("github:nothing", "must be github:<owner>/<repository>"),
    ] {
        let error = hall.templates.fetch(name, None).await.unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_template_is_copied_once_and_a_copy_cut_short_goes_on() {
    let hall = Hall::new(TemplatesSettings::default());
    let folder = hall.template("ada", "name: ada");
    fs::create_dir_all(folder.join("content")).unwrap();
    fs::write(folder.join("content/a.txt"), "template's").unwrap();
    fs::write(folder.join("content/b.txt"), "template's").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", folder.join("etc")).unwrap();
    // A copy that a killed host left: some of the files, and no marker.
    let own = hall.workspaces.own(hall.agent);
    own.write("content/a.txt".parse().unwrap(), b"earlier".to_vec()).await.unwrap();
    hall.templates.prepare(hall.agent, Some("local:ada"), None).await.unwrap();
    let files = hall.files().await;
    assert!(files.contains(&"content/b.txt".to_owned()) && !files.contains(&"etc".to_owned()));
    assert_eq!(hall.read("content/a.txt").await, "earlier");
    // From then on it is the agent's.
    own.remove("content/b.txt".parse().unwrap(), false).await.unwrap();
    hall.templates.prepare(hall.agent, Some("local:ada"), None).await.unwrap();
    assert!(!hall.files().await.contains(&"content/b.txt".to_owned()));
    // Also where the template is gone meanwhile.
    hall.templates.prepare(hall.agent, Some("local:gone"), None).await.unwrap();
}

#[tokio::test]
async fn a_template_that_does_not_fit_is_refused_and_no_marker_says_otherwise() {
    let bounds = WorkspaceSettings { entries_max: 8, ..WorkspaceSettings::default() };
    let hall = Hall::with(TemplatesSettings::default(), bounds);
    let folder = hall.template("large", "name: large");
    for nth in 0..5 {
        fs::write(folder.join(format!("{nth}.txt")), "x").unwrap();
    }
    let refused = hall.templates.prepare(hall.agent, Some("local:large"), None).await.unwrap_err();
    assert!(matches!(refused, TemplateError::Workspace(WorkspaceError::Full { .. })), "{refused}");
    assert!(!hall.files().await.contains(&MARKER.to_owned()));
}

#[tokio::test]
async fn a_repository_is_cloned_without_its_history_and_links() {
    let hall = Hall::hub();
    let fetched = hall.templates.fetch("github:owner/repo", None).await.unwrap().unwrap();
    assert_eq!(fetched.template().kind.as_deref(), Some("helper"));
    assert_eq!(hall.clones(), 1);
    hall.templates.place(hall.agent, &fetched).await.unwrap();
    drop(fetched);
    let mut expected: Vec<_> = FRESH.map(str::to_owned).into();
    expected.extend([MARKER, "deep", "deep/a.txt", DESCRIPTION].map(str::to_owned));
    expected.sort();
    let mut files = hall.files().await;
    files.sort();
    assert_eq!(files, expected);
    assert_eq!(hall.read("deep/a.txt").await, "content");

    let other = AgentId(derived("Bob"));
    let name = Some("github:owner/repo@other/branch");
    hall.templates.prepare(other, name, None).await.unwrap();
    let path = "deep/a.txt".parse().unwrap();
    let part = hall.workspaces.own(other).read(path, 0, 99).await.unwrap();
    assert_eq!(part.bytes, b"of the branch");
}

#[tokio::test]
async fn what_cannot_be_cloned_says_why() {
    let hall = Hall::hub();
    for (name, words) in [
        ("github:owner/none", "the repository owner/none is not there"),
        ("github:owner/repo@none", "the repository owner/repo has no branch none"),
    ] {
        let error = hall.templates.fetch(name, None).await.unwrap_err();
        assert!(matches!(error, TemplateError::NoRepository(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let said = |settings: TemplatesSettings| async move {
        Hall::new(settings).templates.fetch("github:owner/repo", None).await.unwrap_err()
    };
    let default = TemplatesSettings::default;
    let none = said(TemplatesSettings { git: "/nowhere/git".into(), ..default() }).await;
    assert!(matches!(none, TemplateError::NoGit), "{none:?}");
    let github_url = "http://127.0.0.1:1".to_owned();
    let away = said(TemplatesSettings { github_url, ..default() }).await;
    assert!(matches!(away, TemplateError::Upstream { .. }), "{away:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn git_is_bounded_and_gets_the_token_by_its_environment_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let program = |script: &str| {
        let path = folder.path().join("git");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let tell = folder.path().join("told");
    let git = program(&format!("(echo \"$@\"; env) > {}; exit 1", tell.display()));
    let hall = Hall::new(TemplatesSettings { git, ..TemplatesSettings::default() });
    let token = Some("planted-secret");
    let failed = hall.templates.fetch("github:owner/repo", token).await.unwrap_err();
    let told = fs::read_to_string(&tell).unwrap();
    let (arguments, env) = told.split_once('\n').unwrap();
    assert!(arguments.starts_with("clone --quiet --depth 1"), "{arguments}");
    assert!(arguments.contains("-- https://github.com/owner/repo.git"), "{arguments}");
    let basic = "Authorization: Basic eC1hY2Nlc3MtdG9rZW46cGxhbnRlZC1zZWNyZXQ=";
    assert!(env.contains(basic) && !arguments.contains("Basic"), "{told}");
    for kept_out in ["CARGO_MANIFEST_DIR", "planted-secret"] {
        assert!(!told.contains(kept_out) && !failed.to_string().contains(kept_out), "{told}");
    }

    let late = program("sleep 60");
    let settings =
        TemplatesSettings { git: late, clone_timeout_s: 0, ..TemplatesSettings::default() };
    let hall = Hall::new(settings);
    let failed = hall.templates.fetch("github:owner/repo", None).await.unwrap_err();
    assert!(failed.to_string().contains("longer than 0 s"), "{failed}");

    let large = program("for last; do :; done; mkdir $last; head -c 70000 /dev/zero > $last/x");
    let settings =
        TemplatesSettings { git: large, clone_max_bytes: 60_000, ..TemplatesSettings::default() };
    let hall = Hall::new(settings);
    let failed = hall.templates.fetch("github:owner/repo", None).await.unwrap_err();
    assert!(matches!(failed, TemplateError::TooLarge { limit: 60_000, .. }), "{failed}");
}

#[cfg(unix)]
#[tokio::test]
async fn clones_at_hand_keep_nobody_from_cloning() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let git = folder.path().join("git");
    fs::write(&git, "#!/bin/sh\nfor last; do :; done; mkdir \"$last\"\n").unwrap();
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    let hall = Hall::new(TemplatesSettings { git, ..TemplatesSettings::default() });
    let mut kept = Vec::new();
    for number in 0..25 {
        let name = format!("github:owner/repo-{number}");
        kept.push(hall.templates.fetch(&name, None).await.unwrap());
    }
    assert!(kept.iter().all(Option::is_some));
}

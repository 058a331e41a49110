//! The offline model with the tools of the host: from what it is told to what it has done.

use greenroom_actors::agent::{Change, Delivery};
use greenroom_actors::ids::{EntityId, RoomId, derived};
use greenroom_actors::lifecycle::Command;
use greenroom_actors::masks::NoMasks;
use greenroom_actors::records::Room;

use super::*;

#[actix::test]
async fn doctor_does_what_it_is_plainly_asked_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::open(folder.path(), &WorkspaceSettings::default()).unwrap();
    let model = models::build(&ModelsSettings::default(), &|_| None).unwrap();
    let ports = Ports {
        store: Arc::new(MemoryStore::default()),
        model: Arc::new(model),
        clock: Arc::new(SystemClock),
        tools: Arc::new(HostTools::of(vec![Arc::new(FileTools::new(workspaces.clone()))])),
        masks: Arc::new(NoMasks),
    };
    let settings = Settings { arbiters: Some(0), ..Settings::default() };
    let registry = Registry::start(ports, settings).await.unwrap();
    let agent = registry.create(Character::named("Ada")).await.unwrap().id;
    registry.ask(agent, Change::to(Command::Start)).await.unwrap();
    let room = Room {
        id: RoomId(derived("room")),
        agent_id: agent,
        name: "room".to_owned(),
        channel_id: None,
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "test".to_owned(),
        metadata: None,
        created_at: registry.clock().now(),
    };
    for (said, expected) in [
        ("Hello", "Hello. I am Ada. What is on your mind?"),
        ("Please remember that I like green tea.", "I have noted it: I like green tea."),
        ("What do you remember about tea?", "This is what I remember:\nI like green tea."),
        ("write green tea to shop/list.txt", "I wrote it to shop/list.txt."),
        ("list your files", "I have these files:\nshop/\nshop/list.txt  9 bytes"),
        ("read shop/list.txt", "shop/list.txt says: green tea"),
        ("read ../list.txt", "That did not work: path: leads out of the workspace."),
        ("Forget that I like green tea", "Forgotten."),
        (
            "fetch https://example.org/",
            "That would take the tool fetch_url, which I am not given here.",
        ),
    ] {
        let content = json!({"text": said}).as_object().cloned().unwrap();
        let delivery = Delivery::asking(EntityId(derived("person")), room.clone(), content);
        let delivered = registry.deliver(agent, delivery).await.unwrap();
        let reply = registry.reply(delivered.reply.unwrap()).await.unwrap().unwrap();
        assert_eq!(reply.text(), expected, "{said}");
    }
    let path = "shop/list.txt".parse().unwrap();
    assert_eq!(workspaces.free(agent).read(path, 0, 99).await.unwrap().bytes, b"green tea");
}

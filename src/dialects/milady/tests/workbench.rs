//! Tasks and todos, and the overview over all that there is to do.

use greenroom_actors::agent::{Keep, SetGoal};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::TaskId;
use greenroom_actors::records::Task;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{Stage, bare, stage};
use crate::dialects::stage::NOBODY;

const NONE: Value = Value::Null;

/// The names of a list in the overview.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn stored(stage: &Stage) -> Vec<Task> {
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    stage.host.registry.store().tasks(agent).await.unwrap()
}

#[actix_web::test]
async fn a_todo_is_made_changed_completed_and_removed() {
    let stage = stage().await;
    let said =
        json!({"name": " Paint ", "priority": "2", "isUrgent": true, "tags": ["home", "todo"]});
    let (status, made) = stage.said("POST", "/api/workbench/todos", said).await;
    let todo = &made["todo"];
    let (id, at) = (&todo["id"], &todo["updatedAt"]);
    assert_eq!(
        (status, todo),
        (
            201,
            &json!({"id": id, "name": "Paint", "description": "", "priority": 2,
            "isUrgent": true, "isCompleted": false, "type": "task",
            "tags": ["workbench-todo", "todo", "home"], "updatedAt": at})
        )
    );
    let path = format!("/api/workbench/todos/{}", id.as_str().unwrap());
    assert_eq!(stage.said("GET", &path, NONE).await, (200, made.clone()));
    let listed = stage.said("GET", "/api/workbench/todos", NONE).await;
    assert_eq!(listed, (200, json!({"todos": [todo]})));

    let change = json!({"priority": null, "description": "the door", "type": "chore"});
    let (status, changed) = stage.said("PUT", &path, change).await;
    let changed = &changed["todo"];
    assert_eq!((status, &changed["priority"], &changed["isUrgent"]), (200, &NONE, &json!(true)));
    assert_eq!((&changed["description"], &changed["type"]), (&json!("the door"), &json!("chore")));
    for (body, expected) in
        [(NONE, true), (json!({"isCompleted": false}), false), (json!({}), true)]
    {
        let (status, done) = stage.said("POST", &format!("{path}/complete"), body).await;
        assert_eq!((status, &done["ok"]), (200, &json!(true)));
        assert_eq!(done["todo"]["isCompleted"], expected);
    }
    assert!(stored(&stage).await[0].metadata["isCompleted"].as_bool().unwrap());
    assert_eq!(stage.said("DELETE", &path, NONE).await, (200, json!({"ok": true})));
    assert_eq!(stage.said("GET", &path, NONE).await.0, 404);
    assert!(stored(&stage).await.is_empty());
}

#[actix_web::test]
async fn a_task_is_made_changed_and_removed() {
    let stage = stage().await;
    let said = json!({"name": "Sow", "description": "beans", "tags": ["todo", "garden"]});
    let (status, made) = stage.said("POST", "/api/workbench/tasks", said).await;
    let task = &made["task"];
    assert_eq!((status, &task["tags"]), (201, &json!(["workbench-task", "garden"])));
    let path = format!("/api/workbench/tasks/{}", task["id"].as_str().unwrap());
    let (_, changed) = stage.said("PUT", &path, json!({"isCompleted": true})).await;
    assert_eq!(
        (&changed["task"]["isCompleted"], &changed["task"]["name"]),
        (&json!(true), &json!("Sow"))
    );
    assert_eq!(stage.said("GET", &path, NONE).await, (200, changed));
    let as_todo = path.replace("tasks", "todos");
    assert_eq!(stage.said("GET", &as_todo, NONE).await.0, 404);
    assert_eq!(stage.said("DELETE", &path, NONE).await, (200, json!({"ok": true})));
    assert_eq!(stage.said("DELETE", &path, NONE).await.0, 404);
}

#[actix_web::test]
async fn what_is_not_there_or_cannot_be_is_refused() {
    let stage = stage().await;
    let long = "x".repeat(2_000);
    for sort in ["tasks", "todos"] {
        let all = format!("/api/workbench/{sort}");
        let nobody = format!("{all}/{NOBODY}");
        for (method, path, body, status) in [
            ("POST", &all, json!({}), 400),
            ("POST", &all, json!({"name": " "}), 400),
            ("POST", &all, json!({"name": 5}), 400),
            ("POST", &all, json!({"name": long}), 400),
            ("POST", &all, json!([]), 400),
            ("POST", &all, json!({"name": "x", "tags": "y"}), 400),
            ("POST", &all, json!({"name": "x", "tags": [5]}), 400),
            ("POST", &all, json!({"name": "x", "priority": "high"}), 400),
            ("POST", &all, json!({"name": "x", "isCompleted": "yes"}), 400),
            ("PUT", &nobody, json!({"name": ""}), 400),
            ("PUT", &nobody, json!({}), 404),
            ("GET", &nobody, NONE, 404),
            ("DELETE", &nobody, NONE, 404),
            ("GET", &format!("{all}/x"), NONE, 404),
        ] {
            let (found, body) = stage.said(method, path, body).await;
            assert_eq!(found, status, "{method} {path}: {body}");
            assert!(body["error"].is_string(), "{body}");
        }
    }
    let complete = format!("/api/workbench/todos/{NOBODY}/complete");
    assert_eq!(stage.said("POST", &complete, NONE).await.0, 404);
}

#[actix_web::test]
async fn the_overview_tells_of_all_there_is_to_do() {
    let stage = stage().await;
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    let set = SetGoal { id: None, text: "Learn Greek".to_owned() };
    stage.host.registry.ask(agent, set).await.unwrap();
    // As they come with an agent from elsewhere.
    let (room_id, world_id, entity_id, description) = (None, None, None, None);
    let (created_at, updated_at) = (UnixMillis(1), UnixMillis(1));
    let task = |name: &str, tags: &[&str], metadata: Value| {
        let (id, name) = (TaskId::new(), name.to_owned());
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let (metadata, description) = (metadata.as_object().unwrap().clone(), description.clone());
        Fact::TaskSet(Box::new(Task {
            id,
            agent_id: agent,
            name,
            description,
            room_id,
            world_id,
            entity_id,
            tags,
            metadata,
            created_at,
            updated_at,
        }))
    };
    let facts = vec![
        task("TRIGGER_DISPATCH", &["queue", "repeat", "trigger"], json!({})),
        task("AUTONOMY_THINK", &["queue", "repeat", "autonomy"], json!({})),
        task("REMINDER", &["queue"], json!({})),
        task("old", &["todo"], json!({"workbenchTodo": {"isCompleted": true, "priority": 1}})),
    ];
    stage.host.registry.ask(agent, Keep { facts, while_running: false }).await.unwrap();
    stage.said("POST", "/api/workbench/todos", json!({"name": "new"})).await;
    let trigger = json!({"instructions": "x", "intervalMs": 60_000});
    stage.said("POST", "/api/triggers", trigger).await;

    let (status, overview) = stage.said("GET", "/api/workbench/overview", NONE).await;
    assert_eq!(status, 200);
    assert_eq!(names(&overview["tasks"]), ["AUTONOMY_THINK", "Learn Greek", "REMINDER"]);
    assert_eq!(names(&overview["todos"]), ["old", "new"]);
    assert_eq!(overview["todos"][0]["priority"], 1);
    assert_eq!(
        overview["summary"],
        json!({"totalTasks": 3, "completedTasks": 0, "totalTriggers": 1, "activeTriggers": 1,
            "totalTodos": 2, "completedTodos": 1})
    );
    assert_eq!(overview["autonomy"]["enabled"], true);
    assert_eq!(overview["autonomy"]["thinking"], true);
    assert_eq!(overview["triggers"][0]["instructions"], "x");
    for available in ["tasksAvailable", "triggersAvailable", "todosAvailable"] {
        assert_eq!(overview[available], true);
    }
    // What stands there and is no task cannot be changed as one.
    for task in &overview["tasks"].as_array().unwrap()[..2] {
        let path = format!("/api/workbench/tasks/{}", task["id"].as_str().unwrap());
        assert_eq!(stage.said("GET", &path, NONE).await, (200, json!({"task": task})));
        assert_eq!(stage.said("PUT", &path, json!({"name": "y"})).await.0, 409);
        assert_eq!(stage.said("DELETE", &path, NONE).await.0, 409);
    }
    stage.said("POST", "/api/agent/autonomy", json!({"enabled": false})).await;
    let (_, tasks) = stage.said("GET", "/api/workbench/tasks", NONE).await;
    assert_eq!(names(&tasks["tasks"]), ["Learn Greek", "REMINDER"]);
}

#[actix_web::test]
async fn without_an_agent_there_is_nothing_to_do() {
    let stage = bare().await;
    assert_eq!(
        stage.said("GET", "/api/workbench/overview", NONE).await,
        (
            200,
            json!({
                "tasks": [], "triggers": [], "todos": [],
                "summary": {"totalTasks": 0, "completedTasks": 0, "totalTriggers": 0,
                    "activeTriggers": 0, "totalTodos": 0, "completedTodos": 0},
                "autonomy": {"enabled": false, "thinking": false, "lastEventAt": null},
                "tasksAvailable": false, "triggersAvailable": false, "todosAvailable": false,
            })
        )
    );
    for sort in ["tasks", "todos"] {
        for (method, rest) in
            [("GET", ""), ("POST", ""), ("GET", "/x"), ("PUT", "/x"), ("DELETE", "/x")]
        {
            let path = format!("/api/workbench/{sort}{rest}");
            assert_eq!(stage.said(method, &path, NONE).await.0, 503, "{method} {path}");
        }
    }
    assert_eq!(stage.said("POST", "/api/workbench/todos/x/complete", NONE).await.0, 503);
}

// A store for Milady's own reader and writer of files, as strict as the strictest of its stores.
//
// What its SQL store refuses, this refuses; what that one loses without a word, this refuses as well,
// since nothing may get lost. It can show rows as that store does, which are more than it takes.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The key of a user state. */
const place = (roomId, entityId) => `${roomId} ${entityId}`;

/** What a store keeps. */
export class Store {
  agents = new Map();
  worlds = new Map();
  rooms = new Map();
  entities = new Map();
  participants = new Map();
  components = new Map();
  memories = new Map();
  relationships = new Map();
  tasks = new Map();
  logs = [];
  #asSql;

  /** `asSql`: rows are shown as the SQL store shows them. */
  constructor({ asSql = false } = {}) {
    this.#asSql = asSql;
  }

  // What the reader calls.

  createAgents(agents) {
    return agents.map((agent) => {
      must(typeof agent.name === 'string' && agent.name !== '', 'an agent has a name', agent);
      const empty = 'messageExamples postExamples topics adjectives knowledge plugins settings style'.split(' ').filter((key) => agent[key] === null);
      must(empty.length === 0, 'what an agent has none of is left out', empty);
      return keep(this.agents, agent);
    });
  }

  createWorlds(worlds) {
    worlds.forEach((world) => {
      must(this.agents.has(world.agentId), 'the agent of a world is known', world);
      must(typeof world.name === 'string', 'a world has a name', world);
      keep(this.worlds, world);
    });
  }

  createRooms(rooms) {
    rooms.forEach((room) => {
      must(absent(room.createdAt), 'rooms carry no createdAt', room);
      must(unset(room.messageServerId) || UUID.test(room.messageServerId), 'the server of a room is a UUID', room);
      must(typeof room.type === 'string' && typeof room.source === 'string', 'a room has a type and a source', room);
      keep(this.rooms, room);
    });
  }

  createEntities(entities) {
    entities.forEach((entity) => {
      must(absent(entity.createdAt), 'entities carry no createdAt', entity);
      must(Array.isArray(entity.names) && entity.metadata !== null, 'an entity has names', entity);
      keep(this.entities, entity);
    });
    return true;
  }

  createRoomParticipants(entityIds, roomId) {
    must(this.rooms.has(roomId), 'the room of a participant is known', roomId);
    for (const id of entityIds) {
      must(this.entities.has(id), 'a participant is known', id);
      must(!this.participants.has(place(roomId, id)), 'a participant is there once', id);
      this.participants.set(place(roomId, id), { roomId, entityId: id, userState: null });
    }
    return entityIds;
  }

  updateParticipantUserStates(states) {
    states.forEach(({ roomId, entityId, state }) => {
      this.participants.get(place(roomId, entityId)).userState = state;
    });
  }

  createComponents(components) {
    components.forEach((component) => {
      must(typeof component.type === 'string', 'a component has a type', component);
      must(this.agents.has(component.agentId), 'the agent of a component is known', component);
      must(this.entities.has(component.entityId), 'the entity of a component is known', component);
      must(this.rooms.has(component.roomId), 'the room of a component is known', component);
      must(unset(component.worldId) || this.worlds.has(component.worldId), 'the world of a component is known', component);
      const source = component.sourceEntityId;
      must(unset(source) || this.entities.has(source), 'the source of a component is known', component);
      keep(this.components, component);
    });
  }

  createMemories(memories) {
    return memories.map(({ memory, tableName }) => {
      const { type, timestamp, documentId, position } = memory.metadata ?? {};
      must(typeof tableName === 'string' && tableName !== '', 'a memory has a table', memory);
      must(typeof memory.content === 'object' && memory.content !== null, 'a memory has content', memory);
      must(memory.metadata !== null && memory.unique !== null, 'what a memory has none of is left out', memory);
      must(this.entities.has(memory.entityId), 'the entity of a memory is known', memory);
      must(this.rooms.has(memory.roomId), 'the room of a memory is known', memory);
      must(absent(memory.createdAt) || Number.isSafeInteger(memory.createdAt), 'a memory has its time in milliseconds', memory);
      must(absent(memory.embedding), 'memories carry no embedding', memory);
      must(type !== 'document' || timestamp !== undefined, 'a document has its time', memory);
      must(type !== 'fragment' || (documentId !== undefined && position !== undefined), 'a fragment has its place', memory);
      return keep(this.memories, { ...memory, type: tableName });
    });
  }

  createRelationships(relationships) {
    return relationships.map((relationship) => {
      const { sourceEntityId, targetEntityId } = relationship;
      must(this.entities.has(sourceEntityId) && this.entities.has(targetEntityId), 'both ends are known', relationship);
      const isThere = [...this.relationships.values()].some((one) => one.sourceEntityId === sourceEntityId && one.targetEntityId === targetEntityId);
      must(!isThere, 'a relationship is there once', relationship);
      return keep(this.relationships, { ...relationship, id: crypto.randomUUID() });
    });
  }

  createTasks(tasks) {
    return tasks.map((task) => {
      must(typeof task.name === 'string' && Array.isArray(task.tags), 'a task has a name and tags', task);
      return keep(this.tasks, task);
    });
  }

  createLogs(logs) {
    logs.forEach((log) => {
      must(this.entities.has(log.entityId), 'the entity of a line of the log is known', log);
      must(this.rooms.has(log.roomId), 'the room of a line of the log is known', log);
      must(typeof log.body === 'object' && log.body !== null, 'a line of the log has a body', log);
      this.logs.push({ id: crypto.randomUUID(), createdAt: new Date().toISOString(), ...log });
    });
  }

  // What the writer calls.

  getAgentsByIds(ids) {
    return ids.flatMap((id) => this.agents.get(id) ?? []);
  }

  getAllWorlds() {
    return [...this.worlds.values()];
  }

  getRoomsByWorlds(ids) {
    return [...this.rooms.values()].filter((room) => ids.includes(room.worldId));
  }

  getRoomsForParticipants(ids) {
    return [...new Set([...this.participants.values()].filter(({ entityId }) => ids.includes(entityId)).map(({ roomId }) => roomId))];
  }

  getRoomsByIds(ids) {
    return ids.flatMap((id) => this.rooms.get(id) ?? []);
  }

  getEntitiesForRooms(ids) {
    const within = (id) => this.#within(id).flatMap(({ entityId }) => this.entities.get(entityId) ?? []);
    const shown = (entity) => (this.#asSql ? { ...entity, createdAt: new Date(0).toISOString() } : entity);
    return ids.map((id) => ({ roomId: id, entities: within(id).map(shown) }));
  }

  getParticipantsForRooms(ids) {
    return ids.map((id) => ({ roomId: id, entityIds: this.#within(id).map(({ entityId }) => entityId) }));
  }

  getParticipantUserStates(pairs) {
    return pairs.map(({ roomId, entityId }) => this.participants.get(place(roomId, entityId))?.userState ?? null);
  }

  getComponentsForEntities(ids, worldId) {
    const all = [...this.components.values()].filter(({ entityId }) => ids.includes(entityId));
    const shown = (component) => (this.#asSql ? { ...component, worldId: component.worldId ?? '', sourceEntityId: component.sourceEntityId ?? '' } : component);
    return all.filter((component) => worldId === undefined || component.worldId === worldId).map(shown);
  }

  getMemories({ tableName, agentId }) {
    return [...this.memories.values()].filter((memory) => memory.type === tableName && memory.agentId === agentId);
  }

  getMemoriesByWorldId({ worldIds, tableName }) {
    return [...this.memories.values()].filter((memory) => memory.type === tableName && worldIds.includes(memory.worldId));
  }

  getRelationships({ entityIds }) {
    const touches = ({ sourceEntityId, targetEntityId }) => entityIds.includes(sourceEntityId) || entityIds.includes(targetEntityId);
    return [...this.relationships.values()].filter(touches);
  }

  getTasks() {
    return [...this.tasks.values()];
  }

  getLogs() {
    return this.logs;
  }

  #within(id) {
    return [...this.participants.values()].filter(({ roomId }) => roomId === id);
  }
}

const absent = (value) => value === undefined;
const unset = (value) => value === undefined || value === null;

function must(condition, what, seen) {
  if (!condition) {
    throw new Error(`not so: ${what}: ${JSON.stringify(seen)?.slice(0, 400)}`);
  }
}

function keep(map, record) {
  must(UUID.test(record.id), 'the id is a UUID', record);
  must(!map.has(record.id), 'the id is there once', record);
  map.set(record.id, record);
  return record.id;
}

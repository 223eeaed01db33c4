// `local.cjs WORK URL RECORDS TIMES`: does the work with kinto.js' store, in memory, and prints what came of it.

const { readFileSync } = require("node:fs");
const { default: Kinto, BaseAdapter } = require("kinto");

// Records in a map: less work than any database.
class Memory extends BaseAdapter {
  constructor() {
    super();
    this.records = new Map();
    this.time = null;
    this.metadata = null;
  }

  async clear() {
    this.records.clear();
  }

  async execute(callback) {
    return callback({
      create: (record) => this.records.set(record.id, record),
      update: (record) => this.records.set(record.id, record),
      delete: (id) => this.records.delete(id),
      get: (id) => this.records.get(id),
    });
  }

  async get(id) {
    return this.records.get(id);
  }

  async list({ filters = {} } = {}) {
    const matches = (record) =>
      Object.entries(filters).every(([name, value]) =>
        Array.isArray(value) ? value.includes(record[name]) : record[name] === value,
      );
    return [...this.records.values()].filter(matches);
  }

  async saveLastModified(time) {
    this.time = time || null;
    return this.time;
  }

  async getLastModified() {
    return this.time;
  }

  async importBulk(records) {
    for (const record of records) this.records.set(record.id, record);
    return records;
  }

  async saveMetadata(metadata) {
    this.metadata = metadata;
    return metadata;
  }

  async getMetadata() {
    return this.metadata;
  }
}

const [work, url, records, times] = process.argv.slice(2);

async function main() {
  let [count, sum] = [0, 0];
  for (let time = 0; time < Number(times); time++) {
    if (work === "nothing") {
      continue;
    } else if (work === "pull") {
      const headers = { Authorization: "Basic " + Buffer.from("bench:bench").toString("base64") };
      const kinto = new Kinto({ remote: url, bucket: "bench", headers, adapter: () => new Memory() });
      const result = await kinto.collection("books").sync({ strategy: "pull_only" });
      if (!result.ok || result.created.length !== Number(records)) throw new Error(JSON.stringify(result.errors));
      count += result.created.length;
    } else {
      throw new Error("there is no such work");
    }
  }
  const peak = /^VmHWM:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1];
  console.log(count, sum, peak);
}

main();

// `program.cjs WORK URL RECORDS TIMES`: does the work with kinto, and prints what came of it.

const { readFileSync } = require("node:fs");
const { KintoClient } = require("kinto");

const [work, url, records, times] = process.argv.slice(2);
const authorization = "Basic " + Buffer.from("bench:bench").toString("base64");
const client = new KintoClient(url, { headers: { Authorization: authorization } });
const books = client.bucket("bench").collection("books");

function book(number) {
  return {
    title: `The book with the number ${number}, in two volumes`,
    author: `Author ${number % 1000}`,
    pages: 100 + (number % 900),
    price: (number % 10_000) / 100,
    lent: number % 3 === 0,
    tags: ["fiction", `shelf-${number % 50}`],
  };
}

function id(number) {
  return number.toString(16).padStart(8, "0") + "-6b97-4fb1-a1ff-67b68f4e258d";
}

// Makes a call, and keeps how many microseconds it took.
async function timed(durations, call) {
  const start = process.hrtime.bigint();
  const result = await call();
  durations.push(Number(process.hrtime.bigint() - start) / 1000);
  return result;
}

async function main() {
  let [count, sum] = [0, 0];
  const durations = [];
  // Gets one record after the other, from this one on, each so many after the last.
  async function get(first, step) {
    for (let number = first; number < Number(records); number += step) {
      const { data } = await timed(durations, () => books.getRecord(id(number)));
      count += 1;
      sum += data.pages;
    }
  }
  for (let time = 0; time < Number(times); time++) {
    if (work === "nothing") {
      continue;
    } else if (work === "read") {
      const { data } = await books.listRecords({ pages: Infinity });
      count += data.length;
      sum += data.reduce((sum, record) => sum + record.pages, 0);
    } else if (work === "stream") {
      let page = await books.listRecords();
      for (;;) {
        count += page.data.length;
        sum = page.data.reduce((sum, record) => sum + record.pages, sum);
        if (!page.hasNextPage) break;
        page = await page.next();
      }
    } else if (work === "create") {
      const results = await books.batch((batch) => {
        for (let number = 0; number < Number(records); number++) batch.createRecord(book(number));
      });
      count += results.length;
      sum += results.reduce((sum, result) => sum + result.body.data.pages, 0);
    } else if (work === "gets") {
      await get(0, 1);
    } else if (work === "gets-at-once") {
      await Promise.all(Array.from({ length: 64 }, (_, task) => get(task, 64)));
    } else if (work === "saves") {
      let { data: record } = await books.getRecord(id(0));
      for (let number = 0; number < Number(records); number++) {
        record.pages = number;
        record = (await timed(durations, () => books.updateRecord(record, { safe: true }))).data;
        count += 1;
        sum += record.pages;
      }
    } else {
      throw new Error("there is no such work");
    }
  }
  const peak = /^VmHWM:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))[1];
  durations.sort((a, b) => a - b);
  const share = (percent) => durations[Math.floor((durations.length * percent) / 100)].toFixed(1);
  console.log(count, sum, peak, ...(durations.length ? [share(50), share(99)] : []));
}

main();

"""`program.py WORK URL RECORDS TIMES`: does the work with kinto-http, and prints what came of it."""

import asyncio
import logging
import sys
import time

import kinto_http

# It would warn of each request of a batch that succeeded.
logging.getLogger("kinto_http").setLevel(logging.ERROR)

work, url, records, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = kinto_http.Client(server_url=url, auth=("bench", "bench"), bucket="bench", collection="books")


def book(number):
    return {
        "title": f"The book with the number {number}, in two volumes",
        "author": f"Author {number % 1000}",
        "pages": 100 + number % 900,
        "price": number % 10_000 / 100,
        "lent": number % 3 == 0,
        "tags": ["fiction", f"shelf-{number % 50}"],
    }


def id(number):
    return f"{number:08x}-6b97-4fb1-a1ff-67b68f4e258d"


async def gets_at_once():
    """Gets all records by 64 tasks, with the client for asyncio, and returns the sum of their pages."""
    client = kinto_http.AsyncClient(server_url=url, auth=("bench", "bench"), bucket="bench", collection="books")

    async def gets(numbers):
        pages = 0
        for number in numbers:
            start = time.perf_counter()
            record = await client.get_record(id=id(number))
            durations.append(time.perf_counter() - start)
            pages += record["data"]["pages"]
        return pages

    return sum(await asyncio.gather(*(gets(range(task, records, 64)) for task in range(64))))


durations = []
count = total = 0
for _ in range(times):
    if work == "nothing":
        pass
    elif work == "read":
        found = client.get_records()
        count += len(found)
        total += sum(record["pages"] for record in found)
    elif work == "stream":
        for page in client.get_paginated_records():
            count += len(page["data"])
            total += sum(record["pages"] for record in page["data"])
    elif work == "create":
        with client.batch() as batch:
            for number in range(records):
                batch.create_record(data=book(number))
        results = batch.results()
        count += len(results)
        total += sum(result["data"]["pages"] for result in results)
    elif work == "gets":
        for number in range(records):
            start = time.perf_counter()
            record = client.get_record(id=id(number))
            durations.append(time.perf_counter() - start)
            total += record["data"]["pages"]
        count += records
    elif work == "gets-at-once":
        total += asyncio.run(gets_at_once())
        count += records
    elif work == "saves":
        record = client.get_record(id=id(0))["data"]
        for number in range(records):
            record["pages"] = number
            start = time.perf_counter()
            record = client.update_record(data=record, safe=True, if_match=record["last_modified"])["data"]
            durations.append(time.perf_counter() - start)
            total += record["pages"]
        count += records
    else:
        sys.exit("there is no such work")

with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
durations.sort()
shares = (durations[len(durations) * percent // 100] * 1e6 for percent in (50, 99) if durations)
print(count, total, peak, *(f"{share:.1f}" for share in shares))

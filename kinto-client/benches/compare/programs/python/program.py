"""`program.py WORK URL RECORDS TIMES`: does the work with kinto-http, and prints what came of it."""

import logging
import sys

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
    else:
        sys.exit("there is no such work")

with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
print(count, total, peak)

"""Compares the permissions in memory of `web.py` with Kinto's own: the same results, and the same entries in the same order."""

import importlib.util
import pathlib
import random

from kinto.core.permission import memory

SEQUENCES = 500
STEPS = 60
USERS = ["u:1", "u:2", "system.Everyone", "system.Authenticated"]
NAMES = ["write", "read", "record:create", "group:create"]
OBJECTS = [
    "",
    "/buckets/a",
    "/buckets/a-b",
    "/buckets/a/groups/g",
    "/buckets/a/collections/c",
    "/buckets/a/collections/c/records/r",
    # A pattern that the other one matches.
    "/accounts/x.y+z@e.org",
    "/accounts/xAyz@e.org",
]


def call(chance):
    of, name, user = chance.choice(OBJECTS), chance.choice(NAMES), chance.choice(USERS)
    some = chance.sample(USERS, chance.randrange(3))
    return chance.choice(
        [
            ("add_user_principal", user, "/buckets/a/groups/g"),
            ("remove_user_principal", user, "/buckets/a/groups/g"),
            ("remove_principal", "/buckets/a/groups/g"),
            ("get_user_principals", user),
            ("add_principal_to_ace", of, name, user),
            ("add_principal_to_ace", of, name, user),
            ("remove_principal_from_ace", of, name, user),
            ("get_object_permission_principals", of, name),
            ("get_accessible_objects", [user]),
            ("get_accessible_objects", [user], [("/buckets/*", name)]),
            ("get_objects_permissions", chance.sample(OBJECTS, 3)),
            ("get_objects_permissions", [of], [name]),
            ("replace_object_permissions", of, {name: some, "read": [user]}),
            ("delete_object_permissions", *chance.sample(OBJECTS, 2)),
            ("delete_object_permissions", of + "*"),
        ]
    )


def outcome(backend, method, *arguments):
    try:
        result = getattr(backend, method)(*arguments)
    except KeyError as error:
        return repr(error)
    # Dictionaries are equal in any order.
    return [list(entry.items()) for entry in result] if method == "get_objects_permissions" else result


def main():
    kintos = memory.Permission
    place = pathlib.Path(__file__).with_name("web.py")
    spec = importlib.util.spec_from_file_location("web", place)
    web = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(web)
    for seed in range(SEQUENCES):
        chance = random.Random(seed)
        backends = kintos(), web.PermissionBackend()
        for _ in range(STEPS):
            step = call(chance)
            expected, found = (outcome(backend, *step) for backend in backends)
            assert found == expected, (seed, step, found, expected)
            expected, found = (list(backend._store.items()) for backend in backends)
            assert found == expected, (seed, step, found, expected)


if __name__ == "__main__":
    main()

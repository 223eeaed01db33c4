use kinto_client::KintoRecord;

#[derive(KintoRecord)]
#[kinto(collection = "todos")]
struct Todo {
    title: String,
}

fn main() {
    let _ = Todo::fields().title;
}

// mistakes: 2

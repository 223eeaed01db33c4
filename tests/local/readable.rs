//! Changes of both sides that a type can read one by one, and not together.

use kinto_client::{
    KintoRecord, Value, json,
    local::{ConflictPolicy, LocalCollection, Store},
    testing::Kinto,
};
use kinto_tests::Outcome;
use serde::{Deserialize, Serialize};

use crate::device::server;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Payment {
    Cash { paid: u32 },
    Card { digits: String },
    Wire { iban: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
struct Order {
    payment: Payment,
    #[serde(default, alias = "memo", skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default)]
    count: u32,
}

fn order(payment: Payment) -> Order {
    Order { payment, text: None, count: 0 }
}

fn cash() -> Payment {
    Payment::Cash { paid: 5 }
}

fn card() -> Payment {
    Payment::Card { digits: "1234".to_owned() }
}

fn wire() -> Payment {
    Payment::Wire { iban: "DE02".to_owned() }
}

async fn orders(kinto: &Kinto) -> LocalCollection<Order> {
    Store::in_memory().await.unwrap().collection(&kinto.client()).await.unwrap()
}

async fn held(kinto: &Kinto) -> Value {
    let remote = kinto.client().bucket("app").collection("notes");
    remote.get_record::<Value>("a").await.unwrap().data
}

/// Two devices with the record, of which the first has sent a card and the second has a wire and a count.
async fn two_variants(kinto: &Kinto) -> (LocalCollection<Order>, LocalCollection<Order>) {
    let (one, other) = (orders(kinto).await, orders(kinto).await);
    one.create_record(order(cash())).id("a").await.unwrap();
    one.sync().await.unwrap();
    other.sync().await.unwrap();
    one.patch_record("a", json!({"payment": card(), "seen": true})).await.unwrap();
    one.sync().await.unwrap();
    let change = |order: &mut Order| (order.payment, order.count) = (wire(), 3);
    other.update_record("a", change).await.unwrap();
    (one, other)
}

#[tokio::test]
async fn two_variants_of_an_enum_are_a_conflict() -> Outcome {
    let kinto = server().await;
    let (one, other) = two_variants(&kinto).await;
    let report = other.sync().await?;
    assert_eq!((report.conflicts, report.sent), (1, 0));
    assert_eq!(held(&kinto).await, json!({"payment": card(), "count": 0, "seen": true}));

    let conflicts = other.conflicts().await?;
    let [conflict] = &conflicts[..] else { panic!("{conflicts:?}") };
    let sides = [&conflict.local, &conflict.remote].map(|side| side.as_ref().unwrap().data.payment.clone());
    assert_eq!(sides, [wire(), card()]);
    let changed: Vec<_> = conflict.fields.iter().map(|field| (field.path.as_str(), field.local.clone())).collect();
    assert_eq!(changed, [("payment", Some(json!(wire())))]);
    other.resolve_conflict(conflict, Some(Order { count: 3, ..order(wire()) })).await?;
    other.sync().await?;
    one.sync().await?;
    assert_eq!(held(&kinto).await, json!({"payment": wire(), "count": 3, "seen": true}));
    assert_eq!(one.get_record("a").await?.data, Order { count: 3, ..order(wire()) });
    Ok(())
}

#[tokio::test]
async fn policy_takes_one_variant_whole_and_the_other_fields_of_both() -> Outcome {
    for (policy, taken) in [(ConflictPolicy::PreferLocal, wire()), (ConflictPolicy::PreferRemote, card())] {
        let kinto = server().await;
        let (_, other) = two_variants(&kinto).await;
        let other = other.on_conflict(policy);
        let report = other.sync().await?;
        assert_eq!((report.conflicts, report.sent), (0, 1));
        assert_eq!(held(&kinto).await, json!({"payment": taken, "count": 3, "seen": true}));
    }
    Ok(())
}

/// An old program has written a field by its old name, which the new one knows by an alias.
#[tokio::test]
async fn field_under_two_of_its_names_is_a_conflict() -> Outcome {
    let kinto = server().await;
    let (old, new) = (orders(&kinto).await, orders(&kinto).await);
    old.create_record(order(cash())).id("a").await?;
    old.sync().await?;
    new.sync().await?;
    old.patch_record("a", json!({"memo": "old", "seen": true})).await?;
    old.sync().await?;
    new.update_record("a", |order| order.text = Some("new".to_owned())).await?;
    assert_eq!(new.sync().await?.conflicts, 1);
    assert_eq!(held(&kinto).await, json!({"payment": cash(), "count": 0, "memo": "old", "seen": true}));

    let conflict = new.conflicts().await?.remove(0);
    let both = Order { text: Some("both".to_owned()), ..order(cash()) };
    new.resolve_conflict(conflict, Some(both.clone())).await?;
    new.sync().await?;
    old.sync().await?;
    assert_eq!(held(&kinto).await, json!({"payment": cash(), "count": 0, "text": "both", "seen": true}));
    assert_eq!(old.get_record("a").await?.data, both);
    Ok(())
}

/// One side has the field under a new name, and the other has changed it under the old one: the decision can be stored.
#[tokio::test]
async fn conflict_of_a_renamed_field_can_be_resolved() -> Outcome {
    let kinto = server().await;
    let (old, new) = (orders(&kinto).await, orders(&kinto).await);
    let remote = kinto.client().bucket("app").collection("notes");
    remote.create_record(json!({"payment": cash(), "memo": "first"})).id("a").await?;
    old.sync().await?;
    new.sync().await?;
    new.overwrite_record("a", Order { text: Some("new".to_owned()), ..order(cash()) }).await?;
    new.sync().await?;
    old.update_record("a", |order| order.text = Some("old".to_owned())).await?;
    assert_eq!(old.sync().await?.conflicts, 1);
    let conflict = old.conflicts().await?.remove(0);
    let both = Order { text: Some("both".to_owned()), ..order(cash()) };
    old.resolve_conflict(conflict, Some(both.clone())).await?;
    old.sync().await?;
    new.sync().await?;
    assert_eq!([old.get_record("a").await?.data, new.get_record("a").await?.data], [both.clone(), both]);
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deal {
    Gift { to: String },
    Loan { until: u32 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
#[kinto(bucket = "app", collection = "notes")]
struct Book {
    #[serde(flatten)]
    deal: Option<Deal>,
    #[serde(default)]
    read: bool,
}

/// Of two variants the type reads one, and takes the other for a field that it does not know.
#[tokio::test]
async fn variant_that_another_hides_is_a_conflict() -> Outcome {
    let (gift, loan) = (Deal::Gift { to: "Niko".to_owned() }, Deal::Loan { until: 9 });
    for policy in [ConflictPolicy::Manual, ConflictPolicy::PreferLocal, ConflictPolicy::PreferRemote] {
        let kinto = server().await;
        let books = async || Store::in_memory().await.unwrap().collection::<Book>(&kinto.client()).await.unwrap();
        let (one, other) = (books().await, books().await.on_conflict(policy));
        one.create_record(Book { deal: None, read: false }).id("a").await?;
        one.sync().await?;
        other.sync().await?;
        one.update_record("a", |book| (book.deal, book.read) = (Some(gift.clone()), true)).await?;
        one.sync().await?;
        other.update_record("a", |book| book.deal = Some(loan.clone())).await?;
        let report = other.sync().await?;
        let is_manual = policy == ConflictPolicy::Manual;
        let sent = usize::from(policy == ConflictPolicy::PreferLocal);
        assert_eq!((report.conflicts, report.sent), (usize::from(is_manual), sent), "{policy:?}");
        if is_manual {
            assert_eq!(held(&kinto).await, json!({"gift": {"to": "Niko"}, "read": true}));
            let conflict = other.conflicts().await?.remove(0);
            let fields: Vec<_> = conflict.fields.iter().map(|field| (field.path.as_str(), &field.remote)).collect();
            assert_eq!(fields, [("gift", &Some(json!({"to": "Niko"})))]);
            other.resolve_conflict(conflict, Some(Book { deal: Some(loan.clone()), read: true })).await?;
            other.sync().await?;
        }
        let taken = if policy == ConflictPolicy::PreferRemote { &gift } else { &loan };
        assert_eq!(held(&kinto).await, json!(Book { deal: Some(taken.clone()), read: true }), "{policy:?}");
        one.sync().await?;
        assert_eq!(one.get_record("a").await?.data, other.get_record("a").await?.data);
    }
    Ok(())
}

async fn answer() -> u32 {
    42
}

fn main() {
    let number = answer().await;
    println!("{number}");
}

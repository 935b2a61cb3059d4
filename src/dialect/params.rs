//! stub
#[derive(Debug)]
pub struct Params(Vec<(String, String)>);
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);
impl Params {
    pub fn read(_q: &str, _c: Option<&str>, body: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(
            std::str::from_utf8(body)
                .map_err(|_| Malformed("utf8".into()))?
                .split('&')
                .filter_map(|p| p.split_once('='))
                .map(|(a, b)| (a.into(), b.into()))
                .collect(),
        ))
    }
    pub fn get(&self, n: &str) -> Option<&str> {
        self.0.iter().find(|p| p.0 == n).map(|p| p.1.as_str())
    }
    pub fn all(&self, n: &[&str]) -> Vec<String> {
        self.0.iter().filter(|p| n.contains(&p.0.as_str())).map(|p| p.1.clone()).collect()
    }
}

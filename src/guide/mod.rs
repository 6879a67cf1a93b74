#![doc = include_str!("links.txt")]
#![doc = ""]
#![doc = include_str!("README.md")]

/// Declares a page. On a forge, the links of a page are those that it defines at its end; here, those of `links.txt`
/// come first and count.
macro_rules! page {
    ($name:ident, $file:literal) => {
        #[doc = include_str!("links.txt")]
        #[doc = ""]
        #[doc = include_str!($file)]
        pub mod $name {}
    };
}

page!(attributes, "attributes.md");
page!(care, "care.md");
page!(commands, "commands.md");
page!(credentials, "credentials.md");
page!(directories, "directories.md");
page!(embedding, "embedding.md");
page!(environment, "environment.md");
page!(errors, "errors.md");
page!(how_it_works, "how-it-works.md");
page!(many_writers, "many-writers.md");
page!(multi_platform, "multi-platform.md");
page!(permissions, "permissions.md");
page!(proxies_and_tls, "proxies-and-tls.md");
page!(run, "run.md");
page!(serve, "serve.md");
page!(speed, "speed.md");

//! The regions of AWS's zones.

/// Regions by the first part of the IDs of their zones: `use1-az4` is in `us-east-1`.
const REGIONS: &[(&str, &str)] = &[
    ("afs1", "af-south-1"),
    ("ape1", "ap-east-1"),
    ("ape2", "ap-east-2"),
    ("apne1", "ap-northeast-1"),
    ("apne2", "ap-northeast-2"),
    ("apne3", "ap-northeast-3"),
    ("aps1", "ap-south-1"),
    ("aps2", "ap-south-2"),
    ("apse1", "ap-southeast-1"),
    ("apse2", "ap-southeast-2"),
    ("apse3", "ap-southeast-3"),
    ("apse4", "ap-southeast-4"),
    ("apse5", "ap-southeast-5"),
    ("apse6", "ap-southeast-6"),
    ("apse7", "ap-southeast-7"),
    ("cac1", "ca-central-1"),
    ("caw1", "ca-west-1"),
    ("cnn1", "cn-north-1"),
    ("cnnw1", "cn-northwest-1"),
    ("euc1", "eu-central-1"),
    ("euc2", "eu-central-2"),
    ("eun1", "eu-north-1"),
    ("eus1", "eu-south-1"),
    ("eus2", "eu-south-2"),
    ("euw1", "eu-west-1"),
    ("euw2", "eu-west-2"),
    ("euw3", "eu-west-3"),
    ("ilc1", "il-central-1"),
    ("mec1", "me-central-1"),
    ("mes1", "me-south-1"),
    ("mxc1", "mx-central-1"),
    ("sae1", "sa-east-1"),
    ("use1", "us-east-1"),
    ("use2", "us-east-2"),
    ("usge1", "us-gov-east-1"),
    ("usgw1", "us-gov-west-1"),
    ("usw1", "us-west-1"),
    ("usw2", "us-west-2"),
];

/// Returns the region of a zone, or `None` if it is not known. The zone does not replace the setting of the region.
pub(crate) fn region_of_zone(zone: &str) -> Option<&'static str> {
    let (prefix, _) = zone.split_once('-')?;
    REGIONS.iter().find(|(known, _)| *known == prefix).map(|(_, region)| *region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_a_zone_is_its_region() {
        for (zone, region) in [
            ("use1-az4", Some("us-east-1")),
            ("usw2-lax1-az1", Some("us-west-2")),
            ("apne1-az1", Some("ap-northeast-1")),
            ("eun1-az2", Some("eu-north-1")),
            ("test1-az1", None),
            ("use1", None),
            ("", None),
        ] {
            assert_eq!(region_of_zone(zone), region, "{zone}");
        }
    }

    /// A zone is named after its region, so the two can be checked against each other.
    #[test]
    fn zones_are_abbreviations_of_their_regions() {
        for (prefix, region) in REGIONS {
            let parts: Vec<&str> = region.split('-').collect();
            let (direction, number) = (parts[parts.len() - 2], parts[parts.len() - 1]);
            let area = if parts.len() == 4 { "usg".to_owned() } else { parts[0].to_owned() };
            let initials: String = ["north", "south", "east", "west", "central"]
                .iter()
                .filter(|word| direction.contains(*word))
                .map(|word| &word[..1])
                .collect();
            assert_eq!(*prefix, format!("{area}{initials}{number}"));
        }
    }
}
